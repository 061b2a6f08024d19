/* A libnvidia-ml.so.1 whose boards draw a power of closed form; built and driven by fakes/nvml.py.
 *
 * Types, names and return codes are those of nvml.h (API v12). The environment says what it is:
 *   FAKE_NVML_GPUS        how many boards (1)
 *   FAKE_NVML_NAMES       their names, separated by commas; the last one repeats
 *   FAKE_NVML_WAVE        shape:low_w:high_w:period_s:duty (constant:250:250:1:0.5)
 *   FAKE_NVML_TICK_S      how often the energy counter is renewed (0.1); 0: always
 *   FAKE_NVML_CLOCK       a file with the time in s; without it the monotonic clock
 *   FAKE_NVML_INIT        what the three init functions return (0)
 *   FAKE_NVML_NO_COUNTER  indices of boards whose energy counter answers NOT_SUPPORTED: "0,2"
 *   FAKE_NVML_FAIL        code:from_s:until_s: what readings return between two times
 *   FAKE_NVML_LIMIT_W     the largest power limit that can be set (400); 0: NOT_SUPPORTED
 *   FAKE_NVML_MIG         index:instances of the board that is divided
 *   FAKE_NVML_LOG         a file that gets one letter a call: i init, s shutdown
 * Board k draws (k + 1) times the waveform, so that boards cannot be mixed up unnoticed.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6 };
enum { BOARDS = 16, INSTANCES = 7, TYPE_UINT = 1 };

typedef struct { int board, instance; } device_t;            /* instance -1: the whole board */
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct {
    unsigned int field, scope;
    long long timestamp_us, latency_us;
    unsigned int type, result;
    union { double d; unsigned int ui; unsigned long long ull; } value;
} field_t;                                                    /* nvmlFieldValue_t: 40 bytes */

static device_t devices[BOARDS][INSTANCES + 1];
static int started;

static double number(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text && *text ? atof(text) : otherwise;
}

static int boards(void) { return (int)number("FAKE_NVML_GPUS", 1); }

static double now_s(void) {
    const char *path = getenv("FAKE_NVML_CLOCK");
    double at = 0;
    if (path) {
        FILE *file = fopen(path, "r");
        if (file) { if (fscanf(file, "%lf", &at) != 1) at = 0; fclose(file); }
        return at;
    }
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void wave(double at, double *power_w, double *energy_j) {
    char shape[16] = "constant";
    double low = 250, high = 250, period = 1, duty = 0.5;
    const char *text = getenv("FAKE_NVML_WAVE");
    if (text) sscanf(text, "%15[^:]:%lf:%lf:%lf:%lf", shape, &low, &high, &period, &duty);
    double whole = floor(at / period), into = at - whole * period, on = duty * period;
    if (!strcmp(shape, "square")) {
        *power_w = into < on ? high : low;
        *energy_j = whole * (high * on + low * (period - on)) + high * fmin(into, on) + low * fmax(0, into - on);
    } else if (!strcmp(shape, "ramp")) {
        *power_w = low + (high - low) * into / period;
        *energy_j = whole * period * (low + high) / 2 + low * into + (high - low) * into * into / (2 * period);
    } else {
        *power_w = high;
        *energy_j = high * at;
    }
}

static __attribute__((unused)) int listed(const char *name, int index) {
    const char *text = getenv(name);
    while (text && *text) {
        char *end;
        if (strtol(text, &end, 10) == index && end != text) return 1;
        text = *end ? end + 1 : end;
    }
    return 0;
}

static int failing(void) {
    const char *text = getenv("FAKE_NVML_FAIL");
    int code;
    double from, until, at = now_s();
    return text && sscanf(text, "%d:%lf:%lf", &code, &from, &until) == 3 && from <= at && at < until ? code : SUCCESS;
}

static int instances(int board) {
    const char *text = getenv("FAKE_NVML_MIG");
    int index, count;
    return text && sscanf(text, "%d:%d", &index, &count) == 2 && index == board ? count : 0;
}

static int check(const device_t *device) {
    if (!started) return UNINITIALIZED;
    if (device < &devices[0][0] || device > &devices[BOARDS - 1][INSTANCES]) return INVALID_ARGUMENT;
    return failing();
}

static void log_call(char letter) {
    const char *path = getenv("FAKE_NVML_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) { fputc(letter, file); fclose(file); }
}

int nvmlInitWithFlags(unsigned int flags) {
    (void)flags;
    log_call('i');
    int code = (int)number("FAKE_NVML_INIT", SUCCESS);
    if (code == SUCCESS) started++;
    for (int b = 0; b < BOARDS; b++)
        for (int i = 0; i <= INSTANCES; i++) devices[b][i] = (device_t){b, i - 1};
    return code;
}
int nvmlInit(void) { return nvmlInitWithFlags(0); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) {
    log_call('s');
    if (!started) return UNINITIALIZED;
    started--;
    return SUCCESS;
}
const char *nvmlErrorString(int code) { return code ? "an error of the fake" : "no error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned int length) {
    snprintf(text, length, "550.00.fake");
    return started ? SUCCESS : UNINITIALIZED;
}
int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = (unsigned int)boards();
    return started ? SUCCESS : UNINITIALIZED;
}
int nvmlDeviceGetCount(unsigned int *count) { return nvmlDeviceGetCount_v2(count); }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device_t **device) {
    if (!started) return UNINITIALIZED;
    if ((int)index >= boards()) return INVALID_ARGUMENT;
    *device = &devices[index][0];
    return SUCCESS;
}
int nvmlDeviceGetHandleByIndex(unsigned int index, device_t **device) {
    return nvmlDeviceGetHandleByIndex_v2(index, device);
}
int nvmlDeviceGetUUID(device_t *device, char *text, unsigned int length) {
    if (!started) return UNINITIALIZED;
    if (device->instance < 0)
        snprintf(text, length, "GPU-%02x000000-0000-4000-8000-0000000000%02x", 0xa0 + device->board, device->board);
    else
        snprintf(text, length, "MIG-%02x00000%d-0000-5000-8000-0000000000%02x", 0xb0 + device->board,
                 device->instance, device->board);
    return SUCCESS;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, device_t **device) {
    char own[96];
    if (!started) return UNINITIALIZED;
    for (int b = 0; b < boards(); b++)
        for (int i = 0; i <= instances(b); i++) {
            nvmlDeviceGetUUID(&devices[b][i], own, sizeof own);
            if (!strcmp(own, uuid)) { *device = &devices[b][i]; return SUCCESS; }
        }
    return NOT_FOUND;
}
int nvmlDeviceGetName(device_t *device, char *text, unsigned int length) {
    if (!started) return UNINITIALIZED;
    const char *names = getenv("FAKE_NVML_NAMES");
    if (!names || !*names) names = "NVIDIA Fake 100";
    for (int skip = device->board; skip > 0 && strchr(names, ','); skip--) names = strchr(names, ',') + 1;
    snprintf(text, length, "%.*s", (int)strcspn(names, ","), names);
    return SUCCESS;
}
int nvmlDeviceGetIndex(device_t *device, unsigned int *index) {
    *index = (unsigned int)device->board;
    return check(device);
}
int nvmlDeviceGetMemoryInfo(device_t *device, memory_t *memory) {
    *memory = (memory_t){80ULL << 30, 79ULL << 30, 1ULL << 30};
    return check(device);
}
#ifndef WITHOUT_ENERGY
int nvmlDeviceGetTotalEnergyConsumption(device_t *device, unsigned long long *energy_mj) {
    double power_w, energy_j, at = now_s(), tick = number("FAKE_NVML_TICK_S", 0.1);
    int code = check(device);
    if (code) return code;
    if (listed("FAKE_NVML_NO_COUNTER", device->board)) return NOT_SUPPORTED;
    wave(tick > 0 ? floor(at / tick) * tick : at, &power_w, &energy_j);
    *energy_mj = (unsigned long long)llround(1000 * energy_j * (device->board + 1));
    return SUCCESS;
}
#endif
int nvmlDeviceGetPowerUsage(device_t *device, unsigned int *power_mw) {
    double power_w, energy_j;
    int code = check(device);
    if (code) return code;
    wave(now_s(), &power_w, &energy_j);
    *power_mw = (unsigned int)lround(1000 * power_w * (device->board + 1));
    return SUCCESS;
}
int nvmlDeviceGetFieldValues(device_t *device, int count, field_t *fields) {
    int code = check(device);
    for (int k = 0; k < count && !code; k++) {
        fields[k].type = TYPE_UINT;
        fields[k].timestamp_us = (long long)(now_s() * 1e6);
        /* 186: NVML_FI_DEV_POWER_INSTANT */
        fields[k].result = fields[k].field == 186 ? SUCCESS : NOT_SUPPORTED;
        if (fields[k].field == 186) nvmlDeviceGetPowerUsage(device, &fields[k].value.ui);
    }
    return code;
}
int nvmlDeviceGetPowerManagementLimitConstraints(device_t *device, unsigned int *min_mw, unsigned int *max_mw) {
    double limit_w = number("FAKE_NVML_LIMIT_W", 400);
    if (limit_w <= 0) return NOT_SUPPORTED;
    *min_mw = 100000;
    *max_mw = (unsigned int)(1000 * limit_w);
    return check(device);
}
int nvmlDeviceGetEnforcedPowerLimit(device_t *device, unsigned int *limit_mw) {
    unsigned int least;
    return nvmlDeviceGetPowerManagementLimitConstraints(device, &least, limit_mw);
}
int nvmlDeviceGetUtilizationRates(device_t *device, utilization_t *rates) {
    *rates = (utilization_t){50, 10};
    return check(device);
}
int nvmlDeviceGetMigMode(device_t *device, unsigned int *current, unsigned int *pending) {
    if (!getenv("FAKE_NVML_MIG")) return NOT_SUPPORTED;
    *current = *pending = instances(device->board) > 0;
    return check(device);
}
int nvmlDeviceGetMaxMigDeviceCount(device_t *device, unsigned int *count) {
    *count = instances(device->board) ? INSTANCES : 0;
    return check(device);
}
int nvmlDeviceGetMigDeviceHandleByIndex(device_t *device, unsigned int index, device_t **instance) {
    if ((int)index >= instances(device->board)) return NOT_FOUND;
    *instance = &devices[device->board][index + 1];
    return check(device);
}
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device_t *instance, device_t **device) {
    *device = &devices[instance->board][0];
    return check(instance);
}
