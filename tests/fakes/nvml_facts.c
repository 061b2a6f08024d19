/* The fake's answers on the conditions of a device: clocks, temperature, memory, limits, processes. */
#include "nvml.h"

typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory_v2_t;
typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct { unsigned int version, sensor; int celsius; } temperature_t;
typedef struct { unsigned int pid; unsigned long long used; } process_v1_t;
typedef struct { unsigned int pid; unsigned long long used; unsigned int instance, compute; } process_t;

enum { MEMORY = 2, GIB = 30 };                                /* of nvmlClockType_t; 2^30 bytes */

/* Its conditions. */
int nvmlDeviceGetClockInfo(device_t *device, unsigned int type, unsigned int *mhz) {
    int sm = 1410, memory = 1593;
    const char *text = getenv("FAKE_NVML_CLOCKS");
    if (text) sscanf(text, "%d:%d", &sm, &memory);
    return told(device, "clock", mhz, type == MEMORY ? memory : sm);
}
int nvmlDeviceGetMaxClockInfo(device_t *device, unsigned int type, unsigned int *mhz) {
    return told(device, "clock", mhz, type == MEMORY ? 1593 : 1980);
}
int nvmlDeviceGetTemperature(device_t *device, unsigned int sensor, unsigned int *celsius) {
    (void)sensor;
    return told(device, "temperature", celsius, number("FAKE_NVML_TEMPERATURE", 45));
}
int nvmlDeviceGetTemperatureV(device_t *device, temperature_t *temperature) {
    return nvmlDeviceGetTemperature(device, 0, (unsigned int *)&temperature->celsius);
}
int nvmlDeviceGetPerformanceState(device_t *device, unsigned int *state) {
    return told(device, "pstate", state, number("FAKE_NVML_PSTATE", 0));
}
int nvmlDeviceGetPowerState(device_t *device, unsigned int *state) {
    return nvmlDeviceGetPerformanceState(device, state);
}
int nvmlDeviceGetCurrentClocksThrottleReasons(device_t *device, unsigned long long *reasons) {
    *reasons = (unsigned long long)number("FAKE_NVML_THROTTLE", 0);
    return lacks("throttle") ? NOT_SUPPORTED : check(device);
}
#ifndef WITHOUT_EVENT_REASONS
int nvmlDeviceGetCurrentClocksEventReasons(device_t *device, unsigned long long *reasons) {
    return nvmlDeviceGetCurrentClocksThrottleReasons(device, reasons);
}
#endif
int nvmlDeviceGetUtilizationRates(device_t *device, utilization_t *rates) {
    *rates = (utilization_t){50, 10};
    return check(device);
}
int nvmlDeviceGetMemoryInfo(device_t *device, memory_t *memory) {
    *memory = (memory_t){80ULL << GIB, 79ULL << GIB, 1ULL << GIB};
    return lacks("memory") ? NOT_SUPPORTED : check(device);
}
int nvmlDeviceGetMemoryInfo_v2(device_t *device, memory_v2_t *memory) {
    *memory = (memory_v2_t){memory->version, 80ULL << GIB, 0, 79ULL << GIB, 1ULL << GIB};
    return lacks("memory") ? NOT_SUPPORTED : check(device);
}
int nvmlDeviceGetPersistenceMode(device_t *device, unsigned int *mode) { return told(device, "", mode, 1); }
int nvmlDeviceGetComputeMode(device_t *device, unsigned int *mode) { return told(device, "", mode, 0); }
int nvmlDeviceGetPowerManagementMode(device_t *device, unsigned int *mode) { return told(device, "", mode, 1); }
int nvmlDeviceGetC2cModeInfoV(device_t *device, unsigned int *enabled) {
    (void)device, (void)enabled;
    return NOT_SUPPORTED;
}

/* Its power limits. */
static int limit(const device_t *device, const char *name, unsigned int *limit_mw) {
    double most_w = number("FAKE_NVML_LIMIT_W", 400);
    return most_w > 0 ? told(device, "limit", limit_mw, 1000 * number(name, most_w)) : NOT_SUPPORTED;
}
int nvmlDeviceGetPowerManagementLimitConstraints(device_t *device, unsigned int *min_mw, unsigned int *max_mw) {
    *min_mw = 100000;
    return limit(device, "FAKE_NVML_LIMIT_W", max_mw);
}
int nvmlDeviceGetEnforcedPowerLimit(device_t *device, unsigned int *limit_mw) {
    int code = limit(device, "FAKE_NVML_ENFORCED_W", limit_mw);
    if (!code) was_set(device, "limit_mw", limit_mw);
    return code;
}
int nvmlDeviceGetPowerManagementLimit(device_t *device, unsigned int *limit_mw) {
    return nvmlDeviceGetEnforcedPowerLimit(device, limit_mw);
}
int nvmlDeviceGetPowerManagementDefaultLimit(device_t *device, unsigned int *limit_mw) {
    return limit(device, "FAKE_NVML_DEFAULT_W", limit_mw);
}

/* Who works on it. */
static unsigned int processes(const char *name, process_t *list, unsigned int room) {
    unsigned int count = 0;
    const char *text = getenv(name);
    for (; text && *text; text += strcspn(text, ","), text += *text == ',', count++)
        if (count < room) list[count] = (process_t){(unsigned int)atoi(text), 1ULL << GIB, ~0U, ~0U};
    return count;
}
static int running(const device_t *device, const char *name, unsigned int *count, process_t *list) {
    int code = check(device);
    if (code) return code;
    if (lacks("processes") || (strstr(name, "MPS") && lacks("mps"))) return NOT_SUPPORTED;
    unsigned int room = list ? *count : 0;
    *count = processes(name, list, room);
    return *count > room ? INSUFFICIENT_SIZE : SUCCESS;
}
#define RUNNING(symbol, variable)                                                       \
    int symbol(device_t *device, unsigned int *count, process_t *list) {                \
        return running(device, variable, count, list);                                  \
    }
#ifndef WITHOUT_PROCESSES_V3
RUNNING(nvmlDeviceGetComputeRunningProcesses_v3, "FAKE_NVML_PROCESSES")
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses_v3, "FAKE_NVML_MPS")
RUNNING(nvmlDeviceGetGraphicsRunningProcesses_v3, "FAKE_NVML_GRAPHICS")
#endif
RUNNING(nvmlDeviceGetComputeRunningProcesses_v2, "FAKE_NVML_PROCESSES")
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses_v2, "FAKE_NVML_MPS")
RUNNING(nvmlDeviceGetGraphicsRunningProcesses_v2, "FAKE_NVML_GRAPHICS")
int nvmlDeviceGetComputeRunningProcesses(device_t *device, unsigned int *count, process_v1_t *list) {
    process_t all[64];
    unsigned int room = list ? *count : 0, got = 64;
    int code = running(device, "FAKE_NVML_PROCESSES", &got, all);
    if (code) return code;
    *count = got;
    for (unsigned int k = 0; k < got && k < room; k++) list[k] = (process_v1_t){all[k].pid, all[k].used};
    return got > room ? INSUFFICIENT_SIZE : SUCCESS;
}
int nvmlSystemGetProcessName(unsigned int pid, char *text, unsigned int length) {
    const char *lists[] = {"FAKE_NVML_PROCESSES", "FAKE_NVML_MPS", "FAKE_NVML_GRAPHICS"};
    for (int k = 0; k < 3; k++)
        for (const char *at = getenv(lists[k]); at && *at; at += strcspn(at, ","), at += *at == ',') {
            const char *name = strchr(at, '=');
            if ((unsigned int)atoi(at) != pid || !name || name > at + strcspn(at, ",")) continue;
            snprintf(text, length, "%.*s", (int)strcspn(name + 1, ","), name + 1);
            return SUCCESS;
        }
    return NOT_FOUND;
}
