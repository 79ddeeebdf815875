#!/bin/sh
# The net for Fashion-MNIST from nothing: train, prune, retrain, share weights, emit; a table.
#
#   sh recipe.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, such as a directory with the IDX files of Fashion-MNIST; `digits`
# by default. Results go to DIRECTORY, `.` by default. EPOCHS train the dense net, RETRAIN the
# pruned one.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

echo "1. Fill the net from its fillers, and train it on $data."
cortado import -q --init "$here/train_val.prototxt" --input-shape 64,1,28,28 |
  cortado retrain --data "$data" --epochs "${EPOCHS:-15}" --shift 1 -o "$out/dense.onnx"

echo "2. Prune 90 % of all weights, retrain the others, let each layer share 16 values."
cortado prune "$out/dense.onnx" --method lamp --sparsity 0.9 -o "$out/pruned.onnx"
cortado retrain "$out/pruned.onnx" --data "$data" --epochs "${RETRAIN:-10}" --shift 1 -o "$out/retrained.onnx"
cortado quantize "$out/retrained.onnx" --bits 4 --data "$data" --epochs 3 -o "$out/shared.onnx"
cortado emit "$out/shared.onnx" -o "$out/small.onnx"

echo "3. Look at the dense file and the small one, and at every stage on the test images."
cortado inspect "$out/dense.onnx" "$out/small.onnx" --plot "$out/fashion-cnn.png"
echo "The picture is $out/fashion-cnn.png."
set --
for stage in dense pruned retrained shared small; do
  set -- "$@" "$out/$stage.onnx"
done
cortado evaluate "$@" --data "$data"
