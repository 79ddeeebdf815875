#!/bin/sh
# The net for Fashion-MNIST from nothing: train, prune, retrain, share weights, emit; a table.
#
#   sh recipe.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, such as a directory with the IDX files of Fashion-MNIST; `digits`
# by default. Results go to DIRECTORY, `.` by default.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

echo "1. Fill the net from its fillers, and train it on $data."
cortado import --init "$here/train_val.prototxt" --input-shape 64,1,28,28 -o "$out/new.onnx"
cortado retrain "$out/new.onnx" --data "$data" --epochs 15 --shift 1 -o "$out/dense.onnx"

echo "2. Prune 90 % of all weights, retrain the others, let each layer share 16 values."
cortado prune "$out/dense.onnx" --method lamp --sparsity 0.9 -o "$out/pruned.onnx"
cortado retrain "$out/pruned.onnx" --data "$data" --epochs 10 --shift 1 -o "$out/retrained.onnx"
cortado quantize "$out/retrained.onnx" --bits 4 --data "$data" --epochs 3 -o "$out/shared.onnx"
cortado emit "$out/shared.onnx" -o "$out/small.onnx"

echo "3. Every stage on the test images."
cortado evaluate "$out/dense.onnx" "$out/pruned.onnx" "$out/retrained.onnx" "$out/shared.onnx" \
  "$out/small.onnx" --data "$data"
cortado inspect "$out/dense.onnx" "$out/small.onnx" --plot "$out/fashion-cnn.png"
echo "The picture is $out/fashion-cnn.png."
