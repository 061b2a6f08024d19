/* A libnvidia-ml.so.1 whose boards draw a power of closed form: init, handles, energy, power, faults.
 *
 * nvml.h says by which environment variables it is driven; nvml_devices.c and nvml_facts.c answer
 * everything else; fakes/nvml.py builds it.
 */
#include "nvml.h"

enum { POWER_AVERAGE = 185, POWER_INSTANT = 186, SCOPE_GPU = 0, SCOPE_MODULE = 1, TYPE_UINT = 1 };

typedef struct {
    unsigned int field, scope;
    long long timestamp_us, latency_us;
    unsigned int type, result;
    union { double d; unsigned int ui; unsigned long long ull; } value;
} field_t;                                                    /* nvmlFieldValue_t: 40 bytes */

device_t devices[BOARDS][INSTANCES + 1];
static int started;
static double started_s;                                      /* both on the clock of the faults */
static double found_s[BOARDS];

int is_started(void) { return started > 0; }

double number(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text && *text ? atof(text) : otherwise;
}

int boards(void) { return (int)number("FAKE_NVML_GPUS", 1); }

double now_s(void) {
    const char *path = getenv("FAKE_NVML_CLOCK");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (file) {
        double at = 0;
        if (fscanf(file, "%lf", &at) != 1) at = 0;
        fclose(file);
        return at;
    }
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

double fault_s(void) { return now_s() - number("FAKE_NVML_ZERO_S", 0); }

void item(const char *name, int index, const char *otherwise, char *text, size_t length) {
    const char *list = getenv(name);
    if (!list || !*list) list = otherwise;
    for (; index > 0 && strchr(list, ','); index--) list = strchr(list, ',') + 1;
    snprintf(text, length, "%.*s", (int)strcspn(list, ","), list);
}

int listed(const char *name, int index) {
    const char *text = getenv(name);
    while (text && *text) {
        char *end;
        if (strtol(text, &end, 10) == index && end != text) return 1;
        text = *end ? end + 1 : end;
    }
    return 0;
}

int lacks(const char *word) {
    const char *text = getenv("FAKE_NVML_UNSUPPORTED");
    for (; text && *text; text += strcspn(text, ","), text += *text == ',')
        if (strcspn(text, ",") == strlen(word) && !strncmp(text, word, strlen(word))) return 1;
    return 0;
}

int instances(int board) {
    const char *text = getenv("FAKE_NVML_MIG");
    int index, count;
    return text && sscanf(text, "%d:%d", &index, &count) == 2 && index == board ? count : 0;
}

/* Whether the variable's from:until[:board] holds now. */
static int within(const char *name, int board) {
    const char *text = getenv(name);
    double from, until, at = fault_s();
    int only = board;
    return text && sscanf(text, "%lf:%lf:%d", &from, &until, &only) >= 2 && from <= at && at < until && only == board;
}

static int failing(int board) {
    const char *text = getenv("FAKE_NVML_FAIL");
    double from, until, at = fault_s();
    for (; text && *text; text += strcspn(text, ","), text += *text == ',') {
        int code, only = board;
        if (sscanf(text, "%d:%lf:%lf:%d", &code, &from, &until, &only) >= 3 && from <= at && at < until
            && only == board)
            return code;
    }
    return SUCCESS;
}

static int reloaded(void) {
    double at = number("FAKE_NVML_RELOAD_S", INFINITY);
    return started_s < at && at <= fault_s();
}

static int lost(int board) {
    const char *text = getenv("FAKE_NVML_LOST");
    double from, until;
    int only = board;
    if (!text || sscanf(text, "%lf:%lf:%d", &from, &until, &only) < 2 || only != board) return 0;
    return from <= fault_s() && found_s[board] < until;
}

int check(const device_t *device) {
    if (!started || reloaded()) return UNINITIALIZED;
    if (device < &devices[0][0] || device > &devices[BOARDS - 1][INSTANCES]) return INVALID_ARGUMENT;
    return lost(device->board) ? GPU_IS_LOST : failing(device->board);
}

/* The same of a reading of energy or power, which may take its time. */
static int check_reading(const device_t *device) {
    const char *text = getenv("FAKE_NVML_SLOW");
    double ms, from, until, at = fault_s();
    if (text && sscanf(text, "%lf:%lf:%lf", &ms, &from, &until) == 3 && from <= at && at < until) {
        struct timespec nap = {(time_t)(ms / 1000), (long)(fmod(ms, 1000) * 1e6)};
        nanosleep(&nap, NULL);
    }
    return check(device);
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

/* The energy of a board from the clock's zero to a time, in J. */
static __attribute__((unused)) double energy_until(int board, double at) {
    double power_w, energy_j;
    wave(at, &power_w, &energy_j);
    return energy_j * (board + 1) + number("FAKE_NVML_MODULE_W", 0) * at + load_j(board, at);
}

/* The mean power of a board over the window before the last renewal, in W; the GPU's, or its module's. */
static double power_of(int board, double window, unsigned int scope) {
    double at = now_s(), tick = number("FAKE_NVML_POWER_TICK_S", 0), power_w, late_j, early_j;
    if (tick > 0) at = floor(at / tick) * tick;
    wave(at, &power_w, &late_j);
    if (window > 0) {
        double unused;
        wave(at - window, &unused, &early_j);
        power_w = (late_j - early_j) / window;
    }
    if (getenv("FAKE_NVML_LOAD")) {
        double span = window > 0 ? window : 0.05;
        power_w += (load_j(board, at) - load_j(board, at - span)) / span / (board + 1);
    }
    return power_w * (board + 1) + (scope == SCOPE_MODULE ? number("FAKE_NVML_MODULE_W", 0) : 0);
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
    if (code) return code;
    if (reloaded()) started = 0;
    started++;
    started_s = fault_s();
    for (int b = 0; b < BOARDS; b++)
        for (int i = 0; i <= INSTANCES; i++) devices[b][i] = (device_t){b, i - 1};
    return SUCCESS;
}
int nvmlInit(void) { return nvmlInitWithFlags(0); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) {
    log_call('s');
    if (!started || reloaded()) return UNINITIALIZED;
    started--;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device_t **device) {
    if (!started || reloaded()) return UNINITIALIZED;
    if ((int)index >= boards()) return INVALID_ARGUMENT;
    if (within("FAKE_NVML_LOST", (int)index)) return GPU_IS_LOST;
    found_s[index] = fault_s();
    *device = &devices[index][0];
    return SUCCESS;
}

#ifndef WITHOUT_ENERGY
int nvmlDeviceGetTotalEnergyConsumption(device_t *device, unsigned long long *energy_mj) {
    double at, from, until, tick = number("FAKE_NVML_TICK_S", 0.1), zero = number("FAKE_NVML_ZERO_S", 0);
    double restart = zero + fmin(number("FAKE_NVML_RESET_S", INFINITY), number("FAKE_NVML_RELOAD_S", INFINITY));
    const char *stall = getenv("FAKE_NVML_STALL");
    int code = check_reading(device);
    if (code) return code;
    if (listed("FAKE_NVML_NO_COUNTER", device->board)) return NOT_SUPPORTED;
    at = now_s();
    int again = at >= restart;
    if (stall && within("FAKE_NVML_STALL", device->board) && sscanf(stall, "%lf:%lf", &from, &until) == 2)
        at = zero + from;
    if (tick > 0) at = floor(at / tick) * tick;
    double energy_j = energy_until(device->board, at) - (again ? energy_until(device->board, fmin(at, restart)) : 0);
    *energy_mj = within("FAKE_NVML_GARBAGE", device->board) ? ~0ULL : (unsigned long long)llround(1000 * energy_j);
    return SUCCESS;
}
#endif

static int power(const device_t *device, double window, unsigned int scope, unsigned int *power_mw) {
    if (listed("FAKE_NVML_NO_POWER", device->board)) return NOT_SUPPORTED;
    if (scope == SCOPE_MODULE ? !getenv("FAKE_NVML_MODULE_W") : scope != SCOPE_GPU) return NOT_SUPPORTED;
    *power_mw = (unsigned int)lround(1000 * power_of(device->board, window, scope));
    if (within("FAKE_NVML_GARBAGE", device->board)) *power_mw = ~0U;
    return SUCCESS;
}
int nvmlDeviceGetPowerUsage(device_t *device, unsigned int *power_mw) {
    int code = check_reading(device);
    return code ? code : power(device, number("FAKE_NVML_WINDOW_S", 0), SCOPE_GPU, power_mw);
}
int nvmlDeviceGetFieldValues(device_t *device, int count, field_t *fields) {
    int code = check_reading(device);
    for (int k = 0; k < count && !code; k++) {
        field_t *field = &fields[k];
        field->type = TYPE_UINT;
        field->timestamp_us = (long long)(now_s() * 1e6);
        field->result = NOT_SUPPORTED;
        if (listed("FAKE_NVML_NO_FIELDS", device->board)) continue;
        if (field->field == POWER_INSTANT)
            field->result = (unsigned int)power(device, number("FAKE_NVML_SEEN_S", 0), field->scope, &field->value.ui);
        if (field->field == POWER_AVERAGE)
            field->result = (unsigned int)power(device, number("FAKE_NVML_WINDOW_S", 1), field->scope, &field->value.ui);
    }
    return code;
}
