/* The fake's devices: their names, numbers, kinds and parts, and how they are found. */
#include "nvml.h"

typedef struct {
    char legacy[16];
    unsigned int domain, bus, device, ids, subsystem;
    char text[32];
} pci_t;

const char *nvmlErrorString(int code) {
    return code == NO_DATA ? "No data" : code ? "an error of the fake" : "no error";
}

static int said(char *text, unsigned int length, const char *word) {
    if (!is_started()) return UNINITIALIZED;
    return snprintf(text, length, "%s", word) < (int)length ? SUCCESS : INSUFFICIENT_SIZE;
}
/* What a call on a handle gives back once the handle has been checked. */
int told(const device_t *device, const char *word, unsigned int *value, double answer) {
    *value = (unsigned int)lround(answer);
    return *word && lacks(word) ? NOT_SUPPORTED : check(device);
}

int nvmlSystemGetDriverVersion(char *text, unsigned int length) { return said(text, length, "550.00.fake"); }
int nvmlSystemGetNVMLVersion(char *text, unsigned int length) { return said(text, length, "12.550.00.fake"); }
int nvmlSystemGetCudaDriverVersion(int *version) { *version = 12040; return SUCCESS; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12040; return SUCCESS; }

/* The devices. */
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device_t **device);
int nvmlDeviceGetHandleByIndex(unsigned int index, device_t **device) {
    return nvmlDeviceGetHandleByIndex_v2(index, device);
}
int nvmlDeviceGetCount_v2(unsigned int *count) {
    *count = (unsigned int)boards();
    return is_started() ? SUCCESS : UNINITIALIZED;
}
int nvmlDeviceGetCount(unsigned int *count) { return nvmlDeviceGetCount_v2(count); }
int nvmlDeviceGetUUID(device_t *device, char *text, unsigned int length) {
    char uuid[96];
    if (device->instance < 0)
        snprintf(uuid, sizeof uuid, "GPU-%02x000000-0000-4000-8000-0000000000%02x", 0xa0 + device->board,
                 device->board);
    else
        snprintf(uuid, sizeof uuid, "MIG-%02x00000%d-0000-5000-8000-0000000000%02x", 0xb0 + device->board,
                 device->instance, device->board);
    return said(text, length, uuid);
}
int nvmlDeviceGetPciInfo_v3(device_t *device, pci_t *pci) {
    *pci = (pci_t){.bus = (unsigned int)device->board + 1, .ids = 0x20b010de, .subsystem = 0x145f10de};
    snprintf(pci->text, sizeof pci->text, "00000000:%02X:00.0", pci->bus);
    snprintf(pci->legacy, sizeof pci->legacy, "0000:%02X:00.0", pci->bus);
    return check(device);
}
int nvmlDeviceGetPciInfo_v2(device_t *device, pci_t *pci) { return nvmlDeviceGetPciInfo_v3(device, pci); }
int nvmlDeviceGetPciInfo(device_t *device, pci_t *pci) { return nvmlDeviceGetPciInfo_v3(device, pci); }
int nvmlDeviceGetSerial(device_t *device, char *text, unsigned int length) {
    char serial[16];
    snprintf(serial, sizeof serial, "13%011d", device->board);
    return said(text, length, serial);
}
int nvmlDeviceGetName(device_t *device, char *text, unsigned int length) {
    char name[96];
    item("FAKE_NVML_NAMES", device->board, "NVIDIA Fake 100", name, sizeof name);
    return said(text, length, name);
}
int nvmlDeviceGetHandleByUUID(const char *uuid, device_t **device) {
    char own[96];
    if (!is_started()) return UNINITIALIZED;
    for (int b = 0; b < boards(); b++)
        for (int i = 0; i <= instances(b); i++) {
            nvmlDeviceGetUUID(&devices[b][i], own, sizeof own);
            if (strcmp(own, uuid)) continue;
            int code = nvmlDeviceGetHandleByIndex_v2((unsigned int)b, device);
            if (!code) *device = &devices[b][i];
            return code;
        }
    return NOT_FOUND;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char *id, device_t **device) {
    unsigned int domain, bus;
    if (sscanf(id, "%x:%x", &domain, &bus) != 2 || bus == 0) return NOT_FOUND;
    return nvmlDeviceGetHandleByIndex_v2(bus - 1, device);
}
int nvmlDeviceGetHandleByPciBusId(const char *id, device_t **device) {
    return nvmlDeviceGetHandleByPciBusId_v2(id, device);
}
int nvmlDeviceGetHandleBySerial(const char *serial, device_t **device) {
    return strlen(serial) > 2 ? nvmlDeviceGetHandleByIndex_v2((unsigned int)atoi(serial + 2), device) : NOT_FOUND;
}
int nvmlDeviceGetIndex(device_t *device, unsigned int *value) { return told(device, "", value, device->board); }
int nvmlDeviceGetMinorNumber(device_t *device, unsigned int *value) { return told(device, "", value, device->board); }
int nvmlDeviceGetBrand(device_t *device, unsigned int *value) { return told(device, "", value, 2); } /* Tesla */

int nvmlDeviceGetCudaComputeCapability(device_t *device, int *major, int *minor) {
    char text[16];
    item("FAKE_NVML_CAPABILITY", device->board, "8.6", text, sizeof text);
    if (lacks("capability") || sscanf(text, "%d.%d", major, minor) != 2) return NOT_SUPPORTED;
    return check(device);
}
int nvmlDeviceGetArchitecture(device_t *device, unsigned int *value) {
    int major, minor, code = nvmlDeviceGetCudaComputeCapability(device, &major, &minor);
    if (code) return code;
    /* NVML_DEVICE_ARCH_*: Kepler 2, Maxwell 3, Pascal 4, Volta 5, Turing 6, Ampere 7, Ada 8, Hopper 9, Blackwell 10 */
    static const unsigned int architecture[] = {[3] = 2, [5] = 3, [6] = 4, [7] = 5, [8] = 7, [9] = 9, [10] = 10, [12] = 10};
    *value = major < 13 ? architecture[major] : 0xffffffffU;
    if (10 * major + minor == 75) *value = 6;
    if (10 * major + minor == 89) *value = 8;
    return SUCCESS;
}
int nvmlDeviceGetVirtualizationMode(device_t *device, unsigned int *mode) {
    char text[16];
    item("FAKE_NVML_VIRTUAL", device->board, "0", text, sizeof text);
    return told(device, "", mode, atoi(text));
}
int nvmlDeviceGetMigMode(device_t *device, unsigned int *current, unsigned int *pending) {
    if (!getenv("FAKE_NVML_MIG")) return NOT_SUPPORTED;
    *current = *pending = instances(device->board) > 0;
    return check(device);
}
int nvmlDeviceGetMaxMigDeviceCount(device_t *device, unsigned int *count) {
    return told(device, "", count, instances(device->board) ? INSTANCES : 0);
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
int nvmlDeviceIsMigDeviceHandle(device_t *device, unsigned int *value) {
    return told(device, "", value, device->instance >= 0);
}
