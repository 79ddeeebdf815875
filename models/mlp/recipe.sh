#!/bin/sh
# A small fully connected net, pruned 5 % a round for 39 rounds: 13.5 % of the weights are left.
#
#   sh recipe.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, `digits` by default; results go to DIRECTORY, `.` by default.
# EPOCHS train the dense net, and there are so many ROUNDS, each of 3 epochs.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

echo "1. Fill the net from its fillers, and train it on $data."
cortado import -q --init "$here/train_val.prototxt" --input-shape 64,1,28,28 |
  cortado retrain --data "$data" --epochs "${EPOCHS:-20}" --shift 1 -o "$out/dense.onnx"

echo "2. Each round cuts 5 % of every layer's weights that are left, and retrains the others."
set -- "$out/dense.onnx"
last=$1
for round in $(seq -w "${ROUNDS:-39}"); do
  next="$out/round-$round.onnx"
  cortado prune -q "$last" --cut 0.05 |
    cortado retrain -q --data "$data" --epochs 3 --shift 1 -o "$next"
  set -- "$@" "$next"
  last=$next
done
cortado evaluate "$@" --data "$data"
