#!/bin/sh
# A small fully connected net, pruned 5 % a round for 39 rounds: 13.5 % of the weights are left.
#
#   sh recipe.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, `digits` by default; results go to DIRECTORY, `.` by default.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

echo "1. Fill the net from its fillers, and train it on $data."
cortado import --init "$here/train_val.prototxt" --input-shape 64,1,28,28 -o "$out/new.onnx"
cortado retrain "$out/new.onnx" --data "$data" --epochs 20 --shift 1 -o "$out/dense.onnx"

echo "2. 39 rounds: each cuts 5 % of every layer's weights that are left, and retrains the others."
last="$out/dense.onnx"
round=1
while [ $round -le 39 ]; do
  zeros=$(awk "BEGIN { print 1 - 0.95 ^ $round }")
  next=$(printf '%s/round-%02d.onnx' "$out" $round)
  cortado prune -q "$last" --sparsity "$zeros" -o "$out/pruned.onnx"
  cortado retrain -q "$out/pruned.onnx" --data "$data" --epochs 3 --shift 1 -o "$next"
  last=$next
  round=$((round + 1))
done
cortado evaluate "$out/dense.onnx" "$out"/round-*.onnx --data "$data"
