/* echo ADDRESS FIRST LAST PORTS: sends a datagram of every size from FIRST to LAST to the echo port of ADDRESS, from PORTS
   sources in turn, and compares every byte of what comes back; then knocks at a closed TCP port from as many sources, which
   spread over the channels in both directions. Prints `sizes N lost L bad B refused R`; 0 if all came back whole. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ports = 64, largest = 65536, tries = 4, patience = 1000 };

static unsigned char sent[largest], received[largest];

int main(int count, char **words) {
    if (count != 5) return 64;
    int first = atoi(words[2]), last = atoi(words[3]), sources = atoi(words[4]), lines[ports];
    if (first < 4 || last >= largest || sources < 1 || sources > ports) return 64;
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(7)};
    if (inet_aton(words[1], &target.sin_addr) == 0) return 64;
    for (int index = 0; index < sources; index++) {
        lines[index] = socket(AF_INET, SOCK_DGRAM, 0);
        if (connect(lines[index], (struct sockaddr *)&target, sizeof target) != 0) return 1;
    }
    int sizes = 0, lost = 0, bad = 0;
    for (int size = first; size <= last; size++, sizes++) {
        int line = lines[size % sources], came = -1;
        for (int at = 0; at < size; at++) sent[at] = (unsigned char)(at * 31 + size * 7 + (at >> 8));
        memcpy(sent, &size, sizeof size);
        for (int attempt = 0; attempt < tries && came < 0; attempt++) {
            struct pollfd waiting = {.fd = line, .events = POLLIN};
            if (send(line, sent, size, 0) != size || poll(&waiting, 1, patience) != 1) continue;
            came = (int)recv(line, received, sizeof received, 0);
            /* The late answer to an earlier one is not the one that is waited for. */
            if (came >= 4 && memcmp(received, sent, 4) != 0) came = -1;
        }
        if (came < 0) lost++;
        else if (came != size || memcmp(sent, received, size) != 0) bad++;
    }
    int refused = 0;
    target.sin_port = htons(9);
    for (int index = 0; index < sources; index++) {
        int knocking = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(knocking, (struct sockaddr *)&target, sizeof target) != 0 && errno == ECONNREFUSED) refused++;
        close(knocking);
    }
    printf("sizes %d lost %d bad %d refused %d\n", sizes, lost, bad, refused);
    return lost || bad;
}
