#!/bin/sh
# What `make demo` runs: a simulated shop from its click log to recommendations on a page.
# Needs `recommender` on the PATH; DEMO_DIR, DEMO_SERVE and PORT come from the Makefile, and
# SIMULATE_OPTIONS can make the shop larger or smaller; with CATALOG=elasticsearch the products go
# to the server at ELASTICSEARCH_URL, into an index of the name `demo`.
set -eu

say() { printf '\n== %s\n' "$1"; }

if [ -e "$DEMO_DIR" ] && [ ! -e "$DEMO_DIR/truth/plan.json" ]; then
  echo "$DEMO_DIR exists and is not of an earlier demo; name another: make demo DEMO_DIR=…" >&2
  exit 1
fi
rm -rf "$DEMO_DIR"

say "1. A shop of 30 days: visitors, robots, products, pictures"
# shellcheck disable=SC2086
recommender simulate "$DEMO_DIR" ${SIMULATE_OPTIONS:-}

if [ "${CATALOG:-embedded}" = elasticsearch ]; then
  toml="$DEMO_DIR/recommender.toml"
  sed -e 's|^# adapter = .*|adapter = "elasticsearch"|' -e 's|^# index = .*|index = "demo"|' \
    -e "s|^# hosts = .*|hosts = [\"$ELASTICSEARCH_URL\"]|" "$toml" >"$toml.new"
  mv "$toml.new" "$toml"
fi

say "2. Its click log and product feed"
recommender -w "$DEMO_DIR" import items "$DEMO_DIR/source/products.tsv"
recommender -w "$DEMO_DIR" import events "$DEMO_DIR"/source/events-*.ndjson
recommender -w "$DEMO_DIR" sessions

say "3. The night: train, judge on the newest day, publish or refuse"
recommender -w "$DEMO_DIR" nightly

say "4. Three visitors"
first=$(awk -F'\t' 'NR == 11 { print $1 }' "$DEMO_DIR/source/products.tsv")
second=$(awk -F'\t' 'NR == 201 { print $1 }' "$DEMO_DIR/source/products.tsv")
third=$(awk -F'\t' 'NR == 14 { print $1 }' "$DEMO_DIR/source/products.tsv")
recommender -w "$DEMO_DIR" recommend --item "$first" --limit 4
recommender -w "$DEMO_DIR" recommend --item "$second" --limit 4
recommender -w "$DEMO_DIR" recommend --item "$first" --item "$third" --limit 4

if [ "$DEMO_SERVE" = 0 ]; then
  say "Done. See the shop with: make serve"
  exit 0
fi
say "5. The shop's page; Ctrl-C ends it"
exec recommender -w "$DEMO_DIR" serve --port "$PORT"
