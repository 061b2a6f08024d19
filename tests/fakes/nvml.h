/* What the parts of the fake libnvidia-ml.so.1 share: boards, the clock, settings, faults.
 *
 * Types, names and return codes are those of nvml.h (API v12). The environment says what it is; a list has a
 * word a board, separated by commas, and its last one repeats.
 *   FAKE_NVML_GPUS         how many boards (1)
 *   FAKE_NVML_NAMES        list: their names
 *   FAKE_NVML_WAVE         shape:low_w:high_w:period_s:duty (constant:250:250:1:0.5)
 *   FAKE_NVML_TICK_S       how often the energy counter is renewed (0.1); 0: always
 *   FAKE_NVML_POWER_TICK_S how often the power is renewed (0: always)
 *   FAKE_NVML_SEEN_S       field 186 is the mean of so long before the renewal (0: of that instant)
 *   FAKE_NVML_WINDOW_S     nvmlDeviceGetPowerUsage is the mean of so long before the renewal (0: of that instant)
 *   FAKE_NVML_MODULE_W     what a superchip draws beside its GPU: in its counter and in the module's power
 *   FAKE_NVML_LOAD         a folder in which fakes/gpu_torch says what it worked on each GPU: boards draw more for it
 *   FAKE_NVML_LOAD_W       list: how much more (100); FAKE_NVML_LOAD_ORDER: list: for whose work (its own)
 *   FAKE_NVML_CLOCK        a file with the time in s; while there is none, and by default, CLOCK_MONOTONIC
 *   FAKE_NVML_INIT         what the three init functions return (0)
 *   FAKE_NVML_NO_COUNTER   indices of boards whose energy counter answers NOT_SUPPORTED: "0,2"
 *   FAKE_NVML_NO_FIELDS    the same of field values; FAKE_NVML_NO_POWER: of field values and power
 *   FAKE_NVML_UNSUPPORTED  what no board supports, of: capability clock temperature limit pstate throttle
 *                          processes mps memory
 *   FAKE_NVML_CAPABILITY   list: compute capability (8.6); the architecture follows from it
 *   FAKE_NVML_VIRTUAL      list: virtualization mode (0; 1: passed through, 2: vGPU)
 *   FAKE_NVML_LIMIT_W      the largest power limit that can be set (400); 0: NOT_SUPPORTED
 *   FAKE_NVML_ENFORCED_W   the limit in force (LIMIT_W); FAKE_NVML_DEFAULT_W: the one after boot (LIMIT_W)
 *   FAKE_NVML_CLOCKS       sm:memory in MHz (1410:1593)
 *   FAKE_NVML_TEMPERATURE  in °C (45); FAKE_NVML_PSTATE: (0); FAKE_NVML_THROTTLE: bits of nvml.h (0)
 *   FAKE_NVML_PROCESSES    pid=name,pid=name that compute on every board; FAKE_NVML_MPS: through MPS
 *   FAKE_NVML_MIG          index:instances of the board that is divided
 *   FAKE_NVML_LOG          a file that gets one letter a call: i init, s shutdown
 *   FAKE_NVML_STATE        a folder: limits and clocks can be set (nvml_set.c), and are kept there
 * Faults; their times are in s since FAKE_NVML_ZERO_S (0) on the clock above:
 *   FAKE_NVML_FAIL         code:from:until[:board],…: what calls return between two times
 *   FAKE_NVML_LOST         from:until[:board]: GPU_IS_LOST, and afterwards too on handles from before
 *   FAKE_NVML_RELOAD_S     the driver is loaded anew: UNINITIALIZED until the next init; counters restart at 0
 *   FAKE_NVML_RESET_S      the counters restart at 0
 *   FAKE_NVML_STALL        from:until: the counters stand still, and catch up afterwards
 *   FAKE_NVML_GARBAGE      from:until: energy and power have all their bits set, and the call succeeds
 *   FAKE_NVML_SLOW         ms:from:until: how long a reading of energy or power takes
 * Board k draws (k + 1) times the waveform, so that boards cannot be mixed up unnoticed.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15, NO_DATA = 21
};
enum { BOARDS = 16, INSTANCES = 7 };

typedef struct { int board, instance; } device_t;            /* instance -1: the whole board */

#pragma GCC visibility push(hidden)
extern device_t devices[BOARDS][INSTANCES + 1];
int is_started(void);
double number(const char *name, double otherwise);
int boards(void);
double now_s(void);
double fault_s(void);                                        /* now, on the clock of the faults */
void item(const char *name, int index, const char *otherwise, char *text, size_t length); /* of a list */
int listed(const char *name, int index);
int lacks(const char *word);                                 /* whether FAKE_NVML_UNSUPPORTED names it */
int instances(int board);
int check(const device_t *device);                           /* what any call on a handle returns now */
int was_set(const device_t *device, const char *what, unsigned int *value);
double load_j(int board, double at);                         /* what a program's work has taken until then */
int told(const device_t *device, const char *word, unsigned int *value, double answer);
#pragma GCC visibility pop
