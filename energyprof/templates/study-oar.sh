#!/bin/sh
# One training of a study on one node, for `oarsub -S` (OAR 2.5). energyprof fills in what stands between @ signs.
#OAR -l @RESOURCE@=1,walltime=@WALLTIME@
#OAR -n @JOB@
#OAR -O @LOG@
#OAR -E @LOG@
# Before the walltime, or when a job of a higher priority comes, this script alone gets SIGUSR2 (12).
#OAR --checkpoint 120
#OAR --signal 12
# Then it is queued again if it exits with 99.
#OAR -t idempotent
@OPTIONS@
cd @FOLDER@ || exit 2
# The file has a line a core: wattmetre and node are named by the first, such as gros-12.nancy.grid5000.fr.
node=$(sort -u "${OAR_NODE_FILE:-/dev/null}" | head -n 1)
place=${node#*.}
METER="kwollect=${place%%.*}/${node%%.*}"
@COMMAND@ &
training=$!
stopped=
trap 'stopped=yes; kill -TERM $training' USR2 TERM INT
wait $training
code=$?
# A signal ends `wait` before the training, which puts its levers back first.
while kill -0 $training 2>/dev/null; do
  wait $training
  code=$?
done
[ -n "$stopped" ] && exit 99
exit $code
