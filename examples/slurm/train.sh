#!/bin/sh
# A training on two nodes with four processes each, from three seeds, in each task of an array: sbatch train.sh
#SBATCH --job-name=train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --array=0-1
#SBATCH --requeue
# A minute before the limit all processes get SIGTERM: the report is whole, and the job is queued again.
#SBATCH --signal=TERM@60
report="energyprof-reports/$SLURM_JOB_NAME-$SLURM_ARRAY_TASK_ID.json"
srun energyprof run ./train.py --repeats 3 --output "$report" --quiet -- --task "$SLURM_ARRAY_TASK_ID"
code=$?
[ "$code" -eq 143 ] && scontrol requeue "$SLURM_JOB_ID"
exit "$code"
