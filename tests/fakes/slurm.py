"""Slurm with several nodes on one machine: sbatch, srun and scontrol, by their manual pages.

``sbatch --wait SCRIPT`` reads its directives and runs the script in the foreground, each task of an array
after the other; a job that was queued again (``scontrol requeue``) runs anew with SLURM_RESTART_COUNT.
``srun COMMAND`` starts the job's tasks on its nodes with the variables of a step, passes signals on to each,
and exits with the highest exit code. Once there is a file ``signal`` in its folder, all tasks of the step
get SIGTERM, as those of one that is preempted do. A node is a temporary folder, a name and a sysfs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PROGRAM = r"""#!{python}
import os, re, shlex, signal, subprocess, sys, time
home, name, words = {home!r}, os.path.basename(sys.argv[0]), sys.argv[1:]
shared = os.environ

def options(words, short={{"-N": "nodes", "-n": "ntasks"}}):
    found = {{}}
    while words and words[0].startswith("-"):
        word = words.pop(0)
        key, equals, value = word.partition("=")
        if not equals and key in short:
            key, value = short[key], words.pop(0)
        found[key.lstrip("-")] = value
    return found

if name == "srun":
    asked = options(words)
    nodes = int(asked.get("nodes") or shared["SLURM_JOB_NUM_NODES"])
    each = int(asked.get("ntasks-per-node") or shared.get("SLURM_NTASKS_PER_NODE") or 1)
    tasks = []
    step = str(len(os.listdir(f"{{home}}/steps")))
    os.mkdir(f"{{home}}/steps/{{step}}")
    for rank in range(nodes * each):
        node, local = divmod(rank, each)
        own = {{
            "SLURM_STEP_ID": step, "SLURM_STEP_NUM_TASKS": str(nodes * each),
            "SLURM_NTASKS": str(nodes * each), "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(local),
            "SLURM_NODEID": str(node),
            "SLURM_STEP_TASKS_PER_NODE": f"{{each}}(x{{nodes}})" if nodes > 1 else str(each),
            "SLURMD_NODENAME": f"node{{node}}", "TMPDIR": f"{{home}}/node{{node}}/tmp",
            "ENERGYPROF_SYSFS_ROOT": f"{{home}}/node{{node}}/machine",
        }}
        if shared.get("SLURM_MPI_TYPE") == "pmi2":  # src/plugins/mpi/pmi2/mpi_pmi2.c
            own |= {{"PMI_RANK": str(rank), "PMI_SIZE": str(nodes * each)}}
            own |= {{"PMI_FD": str(20 + local), "PMI_JOBID": f"4711.{{step}}"}}
        tasks.append(subprocess.Popen(words, env={{**shared, **own}}, start_new_session=True))

    def to_all(number, _=None):
        for task in tasks:
            if task.poll() is None:
                task.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, to_all)
    while any(task.poll() is None for task in tasks):
        if os.path.exists(f"{{home}}/signal"):
            os.unlink(f"{{home}}/signal")
            to_all(signal.SIGTERM)
        time.sleep(0.02)
    sys.exit(max(task.returncode if task.returncode >= 0 else 128 - task.returncode for task in tasks))
elif name == "sbatch":
    assert options(words) == {{"wait": ""}}, sys.argv
    script, *arguments = words
    asked = {{}}
    for line in open(script):
        if line.startswith("#SBATCH "):
            asked |= options(shlex.split(line)[1:])
    first, _, last = asked.get("array", "").partition("-")
    codes = []
    for task in range(int(first), int(last) + 1) if last else (None,):
        job = str(4711 + (task or 0))
        own = {{"SLURM_JOB_ID": job, "SLURM_JOB_NAME": asked["job-name"], "SLURM_JOB_ACCOUNT": "green",
               "SLURM_JOB_NUM_NODES": asked["nodes"], "SLURM_NTASKS_PER_NODE": asked["ntasks-per-node"],
               "SLURM_NTASKS": str(int(asked["nodes"]) * int(asked["ntasks-per-node"])),
               "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURMD_NODENAME": "node0"}}
        if task is not None:
            own |= {{"SLURM_ARRAY_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": str(task)}}
        for restart in range(100):
            again = {{"SLURM_RESTART_COUNT": str(restart)}} if restart else {{}}
            for step in os.listdir(f"{{home}}/steps"):
                os.rmdir(f"{{home}}/steps/{{step}}")  # they are numbered anew
            done = subprocess.run(["sh", script, *arguments], env={{**shared, **own, **again}})
            codes.append(done.returncode)
            open(f"{{home}}/codes", "a").write(f"{{job}} {{restart}} {{codes[-1]}}\n")
            if not os.path.exists(f"{{home}}/requeue"):
                break
            os.unlink(f"{{home}}/requeue")
    sys.exit(codes[-1])
elif name == "scontrol":
    assert words == ["requeue", shared["SLURM_JOB_ID"]], words
    open(f"{{home}}/requeue", "w").close()
"""


def slurm(home: Path) -> str:
    """A cluster of two nodes, whose sysfs lie in ``node0/machine`` and ``node1/machine``; its PATH."""
    for node in ("node0", "node1"):
        (home / node / "tmp").mkdir(parents=True)
    (home / "steps").mkdir()
    folder = home / "bin"
    folder.mkdir()
    for name in ("sbatch", "srun", "scontrol"):
        path = folder / name
        path.write_text(_PROGRAM.format(python=sys.executable, home=str(home)))
        path.chmod(0o755)
    return os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
