#!/bin/sh
# LeNet-5: what each layer bears alone, then 20 rounds of prune and retrain to 2 % of the weights.
#
#   sh rounds.sh [DATA [DIRECTORY]]
#
# DATA is whatever --data takes, `digits` by default; results go to DIRECTORY, `.` by default.
# DIRECTORY/dense.onnx, where there is one, is taken as the trained net; otherwise it is trained
# for EPOCHS. There are so many ROUNDS, each of RETRAIN epochs.
set -eu
data=${1:-digits}
out=${2:-.}
here=$(dirname "$0")
mkdir -p "$out"

if [ ! -e "$out/dense.onnx" ]; then
  echo "1. Fill LeNet-5 from its fillers, and train it on $data."
  cortado import -q --init "$here/train_val.prototxt" --input-shape 64,1,28,28 |
    cortado retrain --data "$data" --epochs "${EPOCHS:-20}" --shift 1 -o "$out/dense.onnx"
fi

echo "2. Prune each layer alone, from the trained weights, and measure."
cortado sensitivity "$out/dense.onnx" --data "$data" -o "$out/sensitivity.csv" --plot "$out/sensitivity.png"
echo "The curves are $out/sensitivity.png."

echo "3. Each round cuts 17.8 % of the weights that are left, and retrains the others."
set -- "$out/dense.onnx"
last=$1
for round in $(seq -w "${ROUNDS:-20}"); do
  next="$out/round-$round.onnx"
  cortado prune -q "$last" --method lamp --cut 0.178 |
    cortado retrain -q --data "$data" --distill "$out/dense.onnx" --epochs "${RETRAIN:-8}" --shift 1 \
      --lr 0.002 -o "$next"
  set -- "$@" "$next"
  last=$next
done
cortado evaluate "$@" --data "$data"
