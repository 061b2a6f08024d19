"""Batch systems on the PATH: sbatch, srun, squeue, scontrol of Slurm and oarsub, oarstat, oardel of OAR.

They keep the contracts of sbatch(1), srun(1), squeue(1), scontrol(1), oarsub(1), oarstat(1) and oardel(1)
that studies and examples stand on: directives are read from the script, jobs run detached and one after the
other, with the variables of the batch system; before the limit Slurm signals the processes of the job's
*steps*, not the batch shell, and OAR the script's process *alone*; a job that is queued again runs anew, an
idempotent one of OAR if it exits with 99; one that is deleted is killed with all that it started. Once there
is a file ``signal`` in its folder the running job gets its signal, as if its limit were near. What the file
named in ``watch`` holds when a job's script ends is kept with its exit code.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROGRAMS = ("sbatch", "srun", "squeue", "scontrol", "oarsub", "oarstat", "oardel")

_PROGRAM = '''#!{python}
import fcntl, os, re, shlex, signal, subprocess, sys, time
home, name, words = {home!r}, os.path.basename(sys.argv[0]), sys.argv[1:]

def state(job, text=None):
    path = f"{{home}}/{{job}}.state"
    if text is not None:
        open(path + ".new", "w").write(text)
        os.rename(path + ".new", path)
    return open(path).read() if os.path.exists(path) else None

def directives(script, mark):
    found = [line[len(mark):].strip() for line in open(script) if line.startswith(mark + " ")]
    return [word for line in found for word in shlex.split(line)]

def descendants(pid):
    found = []
    for thread in os.listdir(f"/proc/{{pid}}/task") if os.path.exists(f"/proc/{{pid}}") else []:
        try:
            children = open(f"/proc/{{pid}}/task/{{thread}}/children").read().split()
        except OSError:
            continue
        for child in map(int, children):
            found += [child, *descendants(child)]
    return found

def steps(pid):
    """What srun started under the batch shell."""
    for child in [pid, *descendants(pid)]:
        try:
            command = open(f"/proc/{{child}}/cmdline").read()
        except OSError:
            continue
        if "/srun" in command:
            yield from descendants(child)

def run(job, script, environment, output, signal_number, whom):
    with open(f"{{home}}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one node
        while True:
            if state(job) == "CANCELLED":
                return
            state(job, "RUNNING" if name == "sbatch" else "Running")
            begun = time.monotonic()
            with open(output, "a") as out:
                streams = {{"stdout": out, "stderr": out, "stdin": subprocess.DEVNULL}}
                process = subprocess.Popen([script], env=environment, **streams)
                told = False
                open(f"{{home}}/{{job}}.pid", "w").write(str(process.pid))
                while process.poll() is None:
                    if not told and os.path.exists(f"{{home}}/signal"):
                        told = True
                        os.unlink(f"{{home}}/signal")
                        for pid in (list(steps(process.pid)) if whom == "steps" else [process.pid]):
                            try:
                                os.kill(pid, signal_number)
                            except ProcessLookupError:
                                pass
                    time.sleep(0.02)
            watched = open(f"{{home}}/watch").read() if os.path.exists(f"{{home}}/watch") else os.devnull
            left = open(watched).read().strip()
            open(f"{{home}}/codes", "a").write(f"{{job}} {{process.returncode}} {{left}}\\\\n")
            if state(job) == "REQUEUED" or (name == "oarsub" and process.returncode == 99 and told):
                continue
            if name == "sbatch":
                state(job, "COMPLETED" if process.returncode == 0 else "FAILED")
            else:
                state(job, "Terminated" if process.returncode == 0 else "Error")
            return

def submit(script, environment, output, number, whom):
    taken = [int(f[:-6]) for f in os.listdir(home) if f.endswith(".state")]
    job = str(max(taken, default=1000) + 1)
    state(job, "PENDING" if name == "sbatch" else "Waiting")
    own = {{key: value.replace("JOB", job) for key, value in environment.items()}}
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        output = output.replace("%jobid%", job).replace("%j", job)
        run(job, script, {{**os.environ, **own}}, output, number, whom)
        os._exit(0)
    return job

if name == "sbatch":
    script = words[-1]
    copy = f"{{home}}/{{time.time_ns()}}.sh"  # slurmctld keeps its own copy
    open(copy, "w").write(open(script).read())
    os.chmod(copy, 0o755)
    asked = dict(word.lstrip("-").partition("=")[::2] for word in directives(script, "#SBATCH"))
    for key in ("signal", "output", "time"):
        if key not in asked:
            sys.exit(f"sbatch: error: {{key}} is missing")
    if asked.get("partition") == "none":
        sys.exit("sbatch: error: invalid partition specified: none")
    open(f"{{home}}/asked", "a").write(repr(asked) + "\\\\n")
    whom = "shell" if asked["signal"].startswith("B:") else "steps"
    number = getattr(signal, "SIG" + asked["signal"].rpartition(":")[2].partition("@")[0])
    environment = {{"SLURM_JOB_ID": "JOB", "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1"}}
    environment["SLURMD_NODENAME"] = "node7"
    job = submit(copy, environment, asked["output"], number, whom)
    print(f"Submitted batch job {{job}}")
elif name == "srun":
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("--output", "--error"):
            path = words.pop(0).replace("%j", os.environ["SLURM_JOB_ID"]).replace("%t", "0")
            out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1 if option == "--output" else 2)
    own = {{"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_STEP_ID": "0"}}
    process = subprocess.Popen(words, env={{**os.environ, **own}})
    sys.exit(process.wait())
elif name == "squeue":
    job = words[words.index("--jobs") + 1]
    if state(job) is None:
        sys.exit("slurm_load_jobs error: Invalid job id specified")
    print(state(job))
elif name == "scontrol":
    assert words[0] == "requeue"
    state(words[1], "REQUEUED")
elif name == "oarsub":
    assert words[0] == "-S" and os.access(words[1], os.X_OK), words
    asked = directives(words[1], "#OAR")
    resources = asked[asked.index("-l") + 1] if "-l" in asked else ""
    hosts = re.fullmatch("(?:host|core)=([0-9]+),walltime=[0-9:]+", resources)
    if hosts is None:
        sys.exit("no resources asked for")
    open(f"{{home}}/asked", "a").write(repr(asked) + "\\\\n")
    nodes = f"{{home}}/nodes"
    names = [f"gros-{{12 + host}}.nancy.grid5000.fr" for host in range(int(hosts[1]))]
    open(nodes, "w").write("".join(f"{{name}}\\\\n" * 4 for name in names))
    number = int(asked[asked.index("--signal") + 1])
    environment = {{"OAR_JOB_ID": "JOB", "OAR_NODE_FILE": nodes, "OAR_NODEFILE": nodes}}
    job = submit(words[1], environment, asked[asked.index("-O") + 1], number, "script")
    print(f"[ADMISSION RULE] Modify resource description\\\\nOAR_JOB_ID={{job}}")
elif name == "oarstat":
    job = words[words.index("-j") + 1]
    if state(job) is None:
        sys.exit(f"{{job}}: unknown job")
    print(f"{{job}}: {{state(job)}}")
elif name == "oardel":
    if state(words[0]) is None:
        sys.exit(f"{{words[0]}}: unknown job")
    print(f"Deleting the job = {{words[0]}} ...REGISTERED.")
    if os.path.exists(f"{{home}}/{{words[0]}}.pid"):
        script = int(open(f"{{home}}/{{words[0]}}.pid").read())
        for pid in [script, *descendants(script)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    else:
        state(words[0], "Error")
'''


def batch_system(home: Path) -> str:
    """A cluster of one node; the PATH that has its programs first."""
    folder = home / "bin"
    folder.mkdir(parents=True)
    for name in PROGRAMS:
        path = folder / name
        path.write_text(_PROGRAM.format(python=sys.executable, home=str(home)).replace("\\\\n", "\\n"))
        path.chmod(0o755)
    return os.pathsep.join([str(folder), os.environ["PATH"]])


def ends(home: Path) -> list[tuple[int, str]]:
    """Exit code of each job's script so far, and what the watched file held then, in order."""
    path = home / "codes"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(line.split(" ")[1]), line.split(" ", 2)[2]) for line in lines]


def codes(home: Path) -> list[int]:
    """The exit codes alone."""
    return [code for code, _ in ends(home)]
