#!/bin/sh
# LeNet-300-100: one threshold for the whole net against one for each layer, at 10 to 99 % zeros.
#
#   sh thresholds.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, `digits` by default; results go to DIRECTORY, `.` by default.
# DIRECTORY/dense.onnx, where there is one, is taken as the trained net; otherwise it is trained
# for EPOCHS. PERCENTS lists the zeros. Nothing is retrained after pruning.
set -eu
data=${1:-digits}
out=${2:-.}
percents=${PERCENTS:-10 20 30 40 50 60 70 80 90 95 99}
here=$(dirname "$0")
mkdir -p "$out"

if [ ! -e "$out/dense.onnx" ]; then
  cortado import -q --init "$here/train_val.prototxt" --input-shape 64,1,28,28 |
    cortado retrain --data "$data" --epochs "${EPOCHS:-20}" --shift 1 -o "$out/dense.onnx"
fi

set -- "$out/dense.onnx"
for percent in $percents; do
  for scope in global layer; do
    pruned="$out/$percent-$scope.onnx"
    cortado prune -q "$out/dense.onnx" --scope "$scope" --sparsity "0.$percent" -o "$pruned"
    set -- "$@" "$pruned"
  done
done
cortado evaluate "$@" --data "$data" --activity
