#!/usr/bin/env bash
# Unpacks Node and Chromium beside itself once, points them to the machine's GPU driver and runs the benchmark:
#   ./run.sh [--driver vulkan|gl-egl|swiftshader] [--quick] [--filter TEXT] [--json FILE]
# WORK names the folder to unpack into where this one cannot be written to.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${WORK:-$here}
mkdir -p "$work"
if [ ! -x "$work/node" ]; then
  cat "$here"/runtime.tar.xz.* | xz -dc | tar -xf - -C "$work"
fi

driver_file() { find /usr /etc -name "$1" -path "*$2*" 2>/dev/null | head -1; }
vulkan=$(driver_file nvidia_icd.json vulkan)
egl=$(driver_file 10_nvidia.json egl_vendor)
if [ -n "$vulkan" ]; then export VK_DRIVER_FILES=$vulkan; fi
if [ -n "$egl" ]; then export __EGL_VENDOR_LIBRARY_FILENAMES=$egl; fi
export XDG_RUNTIME_DIR=$work HOME=$work
# The libraries are for Chromium alone: Node runs on the machine's own.
export CHROME=$work/chromium/run
printf '#!/bin/sh\nexport LD_LIBRARY_PATH="%s/chromium/lib:${LD_LIBRARY_PATH:-}"\nexec "%s/chromium/chromium" "$@"\n' \
  "$work" "$work" >"$CHROME"
chmod +x "$CHROME"
exec "$work/node" "$here/bench.mjs" --browser "$CHROME" "$@"
