#!/bin/sh
# LeNet-300-100: one threshold for the whole net against one for each layer, at 10 to 99 % zeros.
#
#   sh thresholds.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, `digits` by default; results go to DIRECTORY, `.` by default.
# DIRECTORY/dense.onnx, where there is one, is taken as the trained net. Nothing is retrained.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

if [ ! -e "$out/dense.onnx" ]; then
  echo "1. Fill LeNet-300-100 from its fillers, and train it on $data."
  cortado import --init "$here/train_val.prototxt" --input-shape 64,1,28,28 -o "$out/new.onnx"
  cortado retrain "$out/new.onnx" --data "$data" --epochs 20 --shift 1 -o "$out/dense.onnx"
fi

echo "2. Prune it without retraining: accuracy, and how many units are active."
for percent in 10 20 30 40 50 60 70 80 90 95 99; do
  for scope in global layer; do
    cortado prune -q "$out/dense.onnx" --scope $scope --sparsity "0.$percent" -o "$out/$scope-$percent.onnx"
  done
done
for scope in global layer; do
  cortado evaluate "$out/dense.onnx" "$out"/$scope-??.onnx --data "$data"
  cortado inspect "$out/dense.onnx" "$out"/$scope-??.onnx --data "$data"
done
