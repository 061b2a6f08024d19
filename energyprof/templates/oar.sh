<<<<<<< HEAD
#!/bin/bash
# One metered job on one node of OAR 2.5: oarsub -S FILE. What begins with #OAR is yours to change.
@NOTES@
#OAR -n energyprof
# A whole host: the meters see the node and not the job.
#OAR -l host=1,walltime=1:00:00
#OAR -O energyprof-%jobid%.log
#OAR -E energyprof-%jobid%.log
# So long before the walltime this script alone gets the signal, and ends the training, whose report is made whole.
#OAR --checkpoint 60
#OAR --signal 15
@MONITOR@
set -u
=======
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
>>>>>>> b5d1223 (Studies simulate, fleets emit: sweeps of scenarios, fleets and placements in a study's folder, here or as jobs; a fleet's carbon by site and hour, and how far its figures may lie off)
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
