#!/bin/bash
# One metered job on one node of OAR 2.5: oarsub -S FILE. What begins with #OAR is yours to change.
@NOTES@
#OAR -n energyprof
# A whole host: the meters see the node and not the job.
#OAR -l host=1,walltime=1:00:00
#OAR -O energyprof-%jobid%.log
#OAR -E energyprof-%jobid%.log
# This long before the walltime this script alone gets the signal, and ends the training, whose report is made whole.
#OAR --checkpoint 60
#OAR --signal 15
@MONITOR@
set -u
cd @FOLDER@ || exit 2
@PERMISSION@
@COMMAND@ &
training=$!
trap 'kill -TERM $training' TERM INT
wait $training
code=$?
# A signal ends `wait` before the training has ended.
while kill -0 $training 2>/dev/null; do
  wait $training
  code=$?
done
exit $code
