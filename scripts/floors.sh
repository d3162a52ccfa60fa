#!/bin/sh
# SPDX-License-Identifier: MIT
# The floors of the house: a file includes only what stands on its own floor or lower; cJSON only where files are read or
# written, SimGrid only in sim/world; models know no files; file names are unique. Prints every breach; exit 1 if there is one.
set -eu
cd "$(dirname "$0")/.."

awk '
function floor(path) {
    if (path ~ /^sim\/base\//) return 0
    if (path ~ /^sim\/(kernel|topology)\//) return 1
    if (path ~ /^models\//) return 2
    if (path ~ /^sim\/input\//) return 3
    if (path ~ /^sim\/(machine|analysis)\//) return 4
    if (path ~ /^sim\/world\//) return 5
    if (path ~ /^sim\/(output|batch)\//) return 6
    if (path ~ /^sim\/(cli\/|main\.c)/) return 7
    return -1
}
function breach(text) { print FILENAME ":" FNR ": " text; bad = 1 }
FNR == 1 {
    own = floor(FILENAME)
    if (own < 0) breach("stands on no floor")
    name = FILENAME; sub(/.*\//, "", name)
    if (name != "README.md" && name in seen) breach("file name also used by " seen[name])
    seen[name] = FILENAME
}
/^#include "/ {
    path = $2; gsub(/"/, "", path)
    if (path ~ /^cJSON/) { if (own != 3 && own != 6) breach("cJSON outside sim/input and sim/output"); next }
    if (path !~ /\//) { breach("include not written from the root of the tree: " path); next }
    other = floor(path)
    if (other < 0) breach("includes " path ", which stands on no floor")
    else if (other > own) breach("floor " own " includes " path " of floor " other)
}
/^#include </ {
    if ($2 ~ /simgrid|xbt/ && own != 5) breach("SimGrid outside sim/world")
    if ($2 ~ /cJSON/ && own != 3 && own != 6) breach("cJSON outside sim/input and sim/output")
    if ($2 ~ /argp/ && own != 7) breach("argp outside sim/cli")
}
FILENAME ~ /^models\// && /(^|[^a-z_])(fopen|printf|fprintf|fread|fwrite|getenv)\(/ { breach("a model touches files or prints") }
FILENAME ~ /^(models|sim\/kernel)\// && /(^|[^a-z_])(malloc|calloc|realloc|strdup)\(/ { breach("raw allocation in a model or the kernel") }
END { exit bad }
' $(find sim models -name '*.[ch]' -o -name '*.def' | sort)
