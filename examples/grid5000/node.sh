#!/bin/sh
# What each node runs: its training, metered by an energyprof of its own.
node=$1 site=$2 rank=$3 head=$4
# What the job is, which reports say.
export OAR_JOB_ID="$5" OAR_PROJECT_NAME="$6"
cd @FOLDER@ || exit 2
@COMMAND@ &
training=$!
# Whoever ends the job leaves a file; a signal would not come through oarsh.
while kill -0 $training 2>/dev/null; do
  [ -e stop ] && kill -TERM $training && break
  sleep 1
done
wait $training
echo $? > "$node.code"
