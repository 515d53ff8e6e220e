#define _GNU_SOURCE
#include "CSweep.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t csweep(
    const struct csweep_directory *directories, size_t count, const struct csweep_file *files, bool checks_kind) {
    char buffer[257];
    int64_t total = 0;
    for (size_t index = 0; index < count; index++) {
        const struct csweep_directory *directory = &directories[index];
        int place = -1;
        if (!directory->is_kept) {
            place = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
            if (place < 0) return -1;
        }
        for (size_t file = directory->first; file < directory->first + directory->count; file++) {
            ssize_t length;
            if (files[file].kept >= 0) {
                length = pread(files[file].kept, buffer, sizeof buffer, 0);
            } else {
                struct stat status;
                if (checks_kind && fstatat(place, files[file].name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
                int opened = openat(
                    place, files[file].name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
                if (opened < 0) continue;
                length = pread(opened, buffer, sizeof buffer, 0);
                close(opened);
            }
            if (length > 0) total += length;
        }
        if (place >= 0) close(place);
    }
    return total;
}
