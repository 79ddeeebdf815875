#!/bin/sh
# LeNet-300-100 from nothing to a small file: train, compress, look at it.
#
#   sh recipe.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, `digits` by default; results go to DIRECTORY, `.` by default.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

echo "1. Fill LeNet-300-100 from its fillers, and train it on $data."
cortado import -q --init "$here/train_val.prototxt" --input-shape 64,1,28,28 |
  cortado retrain --data "$data" --epochs 20 --shift 1 -o "$out/dense.onnx"

echo "2. Compress it: prune, retrain, share weights, emit, validate."
cortado compress "$out/dense.onnx" --data "$data" -o "$out/small.onnx"

echo "3. Look at both files."
cortado inspect "$out/dense.onnx" "$out/small.onnx" --plot "$out/lenet300100.png"
echo "The picture is $out/lenet300100.png."
