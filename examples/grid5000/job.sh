#!/bin/sh
# The job: what runs on the first node of the reservation. grid5000.py fills in what stands between @ signs.
#OAR -l host=@HOSTS@,walltime=@WALLTIME@
#OAR -n energyprof
#OAR -O @FOLDER@/job.%jobid%.txt
#OAR -E @FOLDER@/job.%jobid%.txt
# Before the walltime this script alone gets SIGUSR2 (12): what was measured until then is made whole.
#OAR --checkpoint 120
#OAR --signal 12
@OPTIONS@
cd @FOLDER@ || exit 2
trap 'touch stop' USR2 TERM INT
# The file has a line a core, such as gros-12.nancy.grid5000.fr.
sort -u "$OAR_NODE_FILE" | sed 's/\..*//' > nodes
site=$(head -n 1 "$OAR_NODE_FILE" | cut -d . -f 2)
# What each node can measure, before anything is trained.
@ENERGYPROF@ doctor --nodes "$(paste -s -d , nodes)" --via "oarsh {node} @ENERGYPROF@" \
  --meters "$(printf %s @METERS@ | sed "s/{site}/$site/g")" --seconds 2
rank=0
for node in $(cat nodes); do
  oarsh "$node" sh "@FOLDER@/node.sh" "$node" "$site" "$rank" "$(head -n 1 nodes)" "$OAR_JOB_ID" "$OAR_PROJECT_NAME" &
  rank=$((rank + 1))
done
# A signal ends `wait` before the nodes, which put away what they have first.
while :; do
  wait && break
done
# Each node has left its exit code.
code=0
for node in $(cat nodes); do
  left=$(cat "$node.code" 2>/dev/null) || left="none: it died, or never began"
  [ "$left" = 0 ] || { echo "$node ended with exit code $left"; code=1; }
done
# A report that lies there is joined, whole or cut off: its trace holds what was measured.
set -- $(for node in $(cat nodes); do [ -f "$node.json" ] && echo "$node.json"; done)
[ $# -eq 0 ] && { echo "no node left a report"; exit 2; }
if [ $# -eq 1 ]; then cp "$1" joined.json; else @ENERGYPROF@ join "$@" -o joined.json --force || exit 2; fi
exit $code
