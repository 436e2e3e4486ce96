#!/bin/sh
# Prints every value that is compared with one that others published: case | expected | ours | difference.
# The data of others are not in this repository: TIEOUT_REFERENCE names their folder (by default ../shared/reference).
cd "$(dirname "$0")/.." || exit 1
TIEOUT_ROWS=1 cargo test --workspace --lib --test portfolio --test margin -- --nocapture --test-threads=1 \
    reference pas:: published:: | grep -E '\|| agree'
