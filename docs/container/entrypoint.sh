#!/bin/sh
# Runs `owf` so that a restart policy does what is meant: a container is started again after a crash, and not after a run
# that has ended, which would begin it anew, nor after one that only a person can help.
#
# tini sends a signal to owf as well as to this shell, which waits until owf has recorded where it stands.
stopped=
trap 'stopped=1' TERM INT HUP

case "${1:-}" in
run | resume) ;;
*) exec owf "$@" ;;
esac

owf "$@"
code=$?

# what a container that crashed held is only given up when it has given no sign of life for half a minute
for _ in 1 2 3; do
  if [ "$code" != 7 ] || [ -n "$stopped" ]; then break; fi
  sleep 15
  if [ -n "$stopped" ]; then break; fi
  owf "$@"
  code=$?
done

case $code in
0 | 10)
  # done, or degraded
  ;;
2 | 3 | 5 | 6 | 9)
  echo "owf-unattended: the run stands still until a person has looked at it (exit code $code); not started again" >&2
  ;;
1)
  # it came to a fail node, or it failed and can go on: once more may help the latter
  if owf health latest --json | grep -q '"state": "ended"'; then
    echo "owf-unattended: the run has ended as failed (exit code 1); not started again" >&2
  else
    exit 1
  fi
  ;;
*)
  exit "$code"
  ;;
esac
