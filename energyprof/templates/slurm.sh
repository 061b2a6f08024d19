#!/bin/bash
# One metered job on one node of Slurm: sbatch FILE. What begins with #SBATCH is yours to change.
@NOTES@
#SBATCH --job-name=energyprof
#SBATCH --nodes=1
#SBATCH --ntasks=1
# The meters see the node and not the job: on a shared one the joules of others are in the total.
#SBATCH --exclusive
#SBATCH --mem=0
@GPUS@
#SBATCH --time=01:00:00
#SBATCH --output=energyprof-%j.log
# This long before the limit the training is ended and its report made whole.
#SBATCH --signal=TERM@60
set -u
cd @FOLDER@ || exit 2
# What is metered has a step of its own: its number, job, node and account stand in the report, and
#   sacct --jobs=ID --format=JobID,Account,Elapsed,TotalCPU,ConsumedEnergyRaw
# has the same step with Slurm's own figures. A step would be bound to one core of the node.
exec srun --ntasks=1 --cpu-bind=none @COMMAND@
