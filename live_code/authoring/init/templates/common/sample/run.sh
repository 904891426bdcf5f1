#!/usr/bin/env bash
# Runs the last commit on the sample task: training, then mining and infer with the best model that came of it.
# Everything goes to the folder that is named as the argument (out).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-out}

live-code run --in sample/in --out "$out/training"
live-code verify --in sample/in --out "$out/training"

best=$(sed -n 's/^best_stage_name: //p' "$out/training/models/result.yaml")
mkdir -p sample/in/models
for file in "$out/training/models/$best".*; do
    cp "$file" "sample/in/models/model.${file##*.}"
done

for task in mining infer; do
    live-code run --in sample/in --env "sample/in/$task.yaml" --out "$out/$task"
    live-code verify --in sample/in --env "sample/in/$task.yaml" --out "$out/$task"
done
