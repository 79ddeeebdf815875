#!/bin/sh
# LeNet-5: what each layer bears alone, then 20 rounds of prune and retrain to 2 % of the weights.
#
#   sh rounds.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, `digits` by default; results go to DIRECTORY, `.` by default.
# DIRECTORY/dense.onnx, where there is one, is taken as the trained net.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

if [ ! -e "$out/dense.onnx" ]; then
  echo "1. Fill LeNet-5 from its fillers, and train it on $data."
  cortado import --init "$here/train_val.prototxt" --input-shape 64,1,28,28 -o "$out/new.onnx"
  cortado retrain "$out/new.onnx" --data "$data" --epochs 20 --shift 1 -o "$out/dense.onnx"
fi

echo "2. Prune each layer alone, from the trained weights, and measure."
cortado sensitivity "$out/dense.onnx" --data "$data" -o "$out/sensitivity.csv" --plot "$out/sensitivity.png"
echo "The curves are $out/sensitivity.png."

echo "3. 20 rounds: each keeps 82 % of the weights that are left, and retrains them."
last="$out/dense.onnx"
for round in 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20; do
  zeros=$(awk "BEGIN { print 1 - 0.02 ^ ($round / 20) }")
  cortado prune -q "$last" --method lamp --sparsity "$zeros" -o "$out/pruned.onnx"
  last="$out/round-$round.onnx"
  cortado retrain -q "$out/pruned.onnx" --data "$data" --epochs 2 --shift 1 --lr 0.002 -o "$last"
done
cortado evaluate "$out/dense.onnx" "$out"/round-*.onnx --data "$data"
