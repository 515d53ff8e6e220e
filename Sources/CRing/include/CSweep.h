/* A bare loop of the system calls with which a look reads the files of many channels: what the benchmark measures our sampler
   against. */
#ifndef CSWEEP_H
#define CSWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One file: its name in its directory, and its descriptor where it is kept open, else -1. */
struct csweep_file {
    const char *name;
    int kept;
};

/* One directory: its path and which of the files are in it; opened only if one of them is not kept open. */
struct csweep_directory {
    const char *path;
    size_t first;
    size_t count;
    bool is_kept;
};

/* Reads every file once. With `checks_kind` each is asked what it is before it is opened, as anywhere but in sysfs. The number
   of bytes read, or -1 and errno; files that cannot be read count for nothing. */
int64_t csweep(
    const struct csweep_directory *directories, size_t count, const struct csweep_file *files, bool checks_kind);

#endif
