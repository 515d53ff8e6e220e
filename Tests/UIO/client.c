/* A network driver in user space: it uses the files of `vmbusscope host --uio-dir` as it would use /dev/uio0 of a real guest,
   exchanges frames that say themselves what must be in them, and tells whether all of them came whole.

   client DIRECTORY SYSFS MODE FRAMES [OPTION…]
     MODE          echo: sends numbered frames that must come back; inject: receives numbered frames
     --interrupts  sleeps until an interrupt instead of looking at the rings
     --doorbell X  int: bits of the interrupt page; monitor: bits of the monitor page; node: words to the socket; default int
     --relid N     the primary channel's number (14)
     --monitor N   the primary channel's bit in the monitor page
     --queues N    channels wanted
     --aggregate N messages in a send section, if the host takes so many
     --nvsp V      the version that must be agreed on, in hexadecimal
     --ahead N     frames under way at once (48)
     --stop N      dies in the middle of everything after N frames
     --garbage N   after the exchange writes nonsense into everything, from this seed */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct ring {
    _Atomic uint32_t write, read, mask, pending;
    uint32_t reserved[12];
    _Atomic uint32_t features;
};

struct channel {
    uint32_t relid, monitor, size;
    struct ring *tx, *rx;
    uint8_t *tx_data, *rx_data;
};

enum { most_channels = 64, slots = 256, slot_size = 3 * 4096 };

static struct channel channels[most_channels];
static int channel_count = 1;
static int node = -1, sleeps, wanted_queues = 1, aggregate = 1, ahead = 48;
static uint32_t relid = 14, monitor_id = 255, wanted_version;
static enum { ring_int, ring_monitor, ring_node } doorbell = ring_int;
static const char *directory, *sysfs;
static uint8_t *maps[5];
static size_t sizes[5];

static uint32_t version, section_size, section_count, max_messages = 1, alignment = 1;
static uint8_t address[6];
static uint8_t *pages; /* of slots, for packets that point to pages */
static uint8_t slot_taken[slots], *section_taken;
static uint64_t frames, sent, received, under_way, stop_after, interrupts, doorbells, sleeps_taken;
static uint8_t *seen;
static int is_echo;

static void fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fprintf(stderr, "client: ");
    vfprintf(stderr, format, list);
    fprintf(stderr, " (sent %lu, received %lu, under way %lu)\n", sent, received, under_way);
    for (int index = 0; index < channel_count; index++) {
        struct ring *tx = channels[index].tx, *rx = channels[index].rx;
        if (tx)
            fprintf(stderr, "  channel %d: tx %u..%u mask %u pending %u; rx %u..%u mask %u pending %u\n", index, tx->read,
                tx->write, tx->mask, tx->pending, rx->read, rx->write, rx->mask, rx->pending);
    }
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void put32(uint8_t *place, uint32_t value) { memcpy(place, &value, 4); }
static uint32_t get32(const uint8_t *place) {
    uint32_t value;
    memcpy(&value, place, 4);
    return value;
}

/* ---- rings ---- */

static void signal_host(struct channel *channel) {
    doorbells++;
    if (doorbell == ring_node) {
        int32_t word = 1;
        if (send(node, &word, 4, 0) != 4) fail("control word: %s", strerror(errno));
        return;
    }
    if (doorbell == ring_monitor)
        atomic_fetch_or((_Atomic uint32_t *)(maps[2] + 8 + channel->monitor / 32 * 8), 1u << channel->monitor % 32);
    else
        atomic_fetch_or((_Atomic uint32_t *)(maps[1] + 0x800 + channel->relid / 32 * 4), 1u << channel->relid % 32);
}

/* Sleeps until the host interrupts. */
static void wait_for_interrupt(void) {
    struct pollfd event = {.fd = node, .events = POLLIN};
    uint32_t count;
    sleeps_taken++;
    if (poll(&event, 1, 20000) != 1) fail("no interrupt came for 20 s");
    ssize_t size = recv(node, &count, sizeof count, 0);
    if (size == 0) fail("the host closed the node");
    if (size != 4) fail("an interrupt count of %zd bytes", size);
    if ((int32_t)(count - (uint32_t)interrupts) <= 0 && interrupts != 0) fail("the count went from %lu to %u", interrupts, count);
    interrupts = count;
}

static void copy_in(struct channel *channel, uint32_t at, const void *bytes, uint32_t count) {
    at %= channel->size;
    uint32_t first = channel->size - at < count ? channel->size - at : count;
    memcpy(channel->tx_data + at, bytes, first);
    memcpy(channel->tx_data, (const uint8_t *)bytes + first, count - first);
}

static void copy_out(struct channel *channel, uint32_t at, void *bytes, uint32_t count) {
    at %= channel->size;
    uint32_t first = channel->size - at < count ? channel->size - at : count;
    memcpy(bytes, channel->rx_data + at, first);
    memcpy((uint8_t *)bytes + first, channel->rx_data, count - first);
}

static uint32_t room(struct channel *channel) {
    uint32_t read = channel->tx->read, write = channel->tx->write;
    if (read >= channel->size) fail("read index %u of %u", read, channel->size);
    return write >= read ? channel->size - (write - read) : read - write;
}

static void send_packet(struct channel *channel, uint16_t type, uint16_t flags, uint64_t id, const void *header,
    uint32_t header_size, const void *payload, uint32_t payload_size) {
    uint32_t offset = 16 + header_size, total = (offset + payload_size + 7) / 8 * 8, needed = total + 8;
    for (uint64_t start = 0; room(channel) <= needed;) {
        /* The host takes packets whatever becomes of those that it sends, so this ends. */
        channel->tx->pending = needed;
        atomic_thread_fence(memory_order_seq_cst);
        if (room(channel) > needed) break;
        if (sleeps) {
            wait_for_interrupt();
        } else {
            if (start == 0) start = now();
            if (now() - start > 20000000000u) fail("no room for %u bytes for 20 s", needed);
            sched_yield();
        }
    }
    channel->tx->pending = 0;
    uint32_t start = channel->tx->write;
    uint8_t descriptor[16] = {0};
    uint16_t words[4] = {type, (uint16_t)(offset / 8), (uint16_t)(total / 8), flags};
    memcpy(descriptor, words, 8);
    memcpy(descriptor + 8, &id, 8);
    copy_in(channel, start, descriptor, 16);
    copy_in(channel, start + 16, header, header_size);
    copy_in(channel, start + offset, payload, payload_size);
    uint64_t zero = 0, trailer = (uint64_t)start << 32;
    copy_in(channel, start + offset + payload_size, &zero, total - offset - payload_size);
    copy_in(channel, start + total, &trailer, 8);
    atomic_thread_fence(memory_order_seq_cst);
    channel->tx->write = (start + needed) % channel->size;
    atomic_thread_fence(memory_order_seq_cst);
    if (channel->tx->mask == 0 && channel->tx->read == start) signal_host(channel);
}

/* The next packet, from its descriptor; 0 when there is none. */
static uint32_t receive_packet(struct channel *channel, uint8_t *packet, uint32_t capacity) {
    uint32_t read = channel->rx->read, write = channel->rx->write;
    if (write >= channel->size) fail("write index %u of %u", write, channel->size);
    if (read == write) return 0;
    uint32_t available = write > read ? write - read : channel->size - read + write;
    copy_out(channel, read, packet, 16);
    uint16_t words[4];
    memcpy(words, packet, 8);
    uint32_t total = words[2] * 8u;
    if (words[1] < 2 || words[1] > words[2] || total + 8 > available || total > capacity)
        fail("a packet of %u bytes with data at %u in %u", total, words[1] * 8u, available);
    copy_out(channel, read + 16, packet + 16, total - 16);
    uint64_t trailer;
    copy_out(channel, read + total, &trailer, 8);
    if (trailer != (uint64_t)read << 32) fail("trailer %lx of a packet at %u", trailer, read);
    atomic_thread_fence(memory_order_seq_cst);
    channel->rx->read = (read + total + 8) % channel->size;
    atomic_thread_fence(memory_order_seq_cst);
    uint32_t pending = channel->rx->pending;
    if (channel->rx->features & 1 && pending != 0) {
        uint32_t next = channel->rx->read, last = channel->rx->write;
        uint32_t used = last >= next ? last - next : channel->size - next + last, free = channel->size - used;
        if (free > pending && free - (total + 8) <= pending) signal_host(channel);
    }
    return total;
}

/* ---- what frames hold ---- */

static uint32_t frame_size(uint32_t sequence) { return 60 + (uint32_t)((uint64_t)sequence * 37 % 1455); }

static uint32_t make_frame(uint8_t *frame, uint32_t sequence) {
    static const uint8_t host[6] = {2, 0, 0, 0, 0, 1};
    uint32_t size = frame_size(sequence);
    memcpy(frame, host, 6);
    memcpy(frame + 6, address, 6);
    frame[12] = 0x88, frame[13] = 0xb5;
    put32(frame + 14, sequence);
    for (uint32_t index = 18; index < size; index++) frame[index] = (uint8_t)(sequence * 7 + index);
    /* Over several channels frames are spread by their Internet addresses, so every other one has some. */
    if (wanted_queues > 1 && sequence % 2) {
        static const uint8_t head[20] = {0x45, 0, 0, 42, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2};
        frame[12] = 0x08, frame[13] = 0x00;
        memcpy(frame + 14, head, 20);
        put32(frame + 26, sequence), put32(frame + 34, sequence), put32(frame + 42, sequence);
    }
    return size;
}

static void take_frame(const uint8_t *frame, uint32_t size) {
    static uint8_t expected[2048];
    uint32_t sequence = frame[12] == 8 ? get32(frame + 42) : get32(frame + 14);
    if (size < 60 || sequence >= frames) fail("a frame of %u bytes with number %u", size, sequence);
    if (!is_echo && sequence != received) fail("frame %u instead of %lu", sequence, received);
    if (seen[sequence]++) fail("frame %u came twice", sequence);
    if (size != make_frame(expected, sequence)) fail("frame %u has %u bytes", sequence, size);
    for (int index = 0; index < 6; index++) {
        uint8_t other = expected[index];
        expected[index] = expected[index + 6], expected[index + 6] = other;
    }
    if (memcmp(frame, expected, size) != 0) fail("frame %u is broken", sequence);
    received++;
}

/* ---- the device ---- */

static uint64_t next_control = 1u << 30;
static uint8_t answer[4096];    /* of the last completion or control message that is waited for */
static uint32_t answer_size, control_answer;
static uint64_t awaited;        /* id of the completion that is waited for */

static void complete(struct channel *channel, uint64_t id) {
    uint8_t message[40] = {108, 0, 0, 0, 1};
    send_packet(channel, 11, 0, id, NULL, 0, message, version >= 0x60001 ? 40 : 28);
}

static void completed(uint64_t id, const uint8_t *payload, uint32_t size) {
    if (id == awaited) {
        memcpy(answer, payload, answer_size = size);
        awaited = 0;
    } else if (id >= 1 && id <= slots) {
        if (get32(payload) != 108 || get32(payload + 4) != 1) fail("slot %lu: completion %u, status %u", id, get32(payload), get32(payload + 4));
        slot_taken[id - 1] = 0;
    } else if (id > 1000 && id <= 1000 + section_count) {
        if (get32(payload) != 108 || get32(payload + 4) != 1) fail("section %lu: status %u", id - 1001, get32(payload + 4));
        section_taken[id - 1001] = 0;
    } else if (id < 1u << 30) {
        fail("a completion of %lu", id);
    }
}

static int take_packet(struct channel *channel) {
    static uint8_t packet[1 << 16];
    uint32_t size = receive_packet(channel, packet, sizeof packet);
    if (size == 0) return 0;
    uint16_t type, offset8;
    uint64_t id;
    memcpy(&type, packet, 2), memcpy(&offset8, packet + 2, 2), memcpy(&id, packet + 8, 8);
    uint8_t *payload = packet + offset8 * 8;
    uint32_t payload_size = size - offset8 * 8u;
    if (type == 11) {
        completed(id, payload, payload_size);
        return 1;
    }
    if (type == 6) {
        if (get32(payload) != 134) fail("message %u in-band", get32(payload));
        return 1;
    }
    if (type != 7 || get32(payload) != 107) fail("packet type %u, message %u", type, get32(payload));
    uint32_t count = get32(packet + 20);
    if (count == 0 || 24 + 8 * count > offset8 * 8u) fail("%u ranges", count);
    for (uint32_t index = 0; index < count; index++) {
        uint32_t bytes = get32(packet + 24 + 8 * index), place = get32(packet + 28 + 8 * index);
        if (place > sizes[3] || bytes > sizes[3] - place || bytes < 16) fail("range %u + %u", place, bytes);
        const uint8_t *message = maps[3] + place;
        if (get32(message + 4) > bytes) fail("RNDIS message of %u in %u bytes", get32(message + 4), bytes);
        if (get32(message) == 1) {
            uint32_t data = 8 + get32(message + 8), length = get32(message + 12);
            if (data > bytes || length > bytes - data) fail("frame %u + %u in %u bytes", data, length, bytes);
            take_frame(message + data, length);
        } else if (get32(message) & 0x80000000u) {
            memcpy(answer, message, bytes < sizeof answer ? bytes : sizeof answer);
            control_answer = get32(message + 8);
        }
    }
    complete(channel, id);
    return 1;
}

static int take_all(void) {
    int count = 0;
    for (int index = 0; index < channel_count; index++) {
        struct channel *channel = &channels[index];
        channel->rx->mask = 1;
        while (take_packet(channel)) count++;
    }
    return count;
}

/* Takes what is there, or waits until there is something. */
static void progress(void) {
    static uint64_t last;
    if (take_all() > 0) {
        last = now();
        return;
    }
    if (!sleeps) {
        if (last != 0 && now() - last > 20000000000u) fail("nothing came for 20 s");
        if (last == 0) last = now();
        sched_yield();
        return;
    }
    int waiting = 0;
    for (int index = 0; index < channel_count; index++) channels[index].rx->mask = 0;
    atomic_thread_fence(memory_order_seq_cst);
    for (int index = 0; index < channel_count; index++) waiting |= channels[index].rx->read != channels[index].rx->write;
    if (!waiting) wait_for_interrupt();
}

static const uint8_t *request(const void *message, uint32_t size) {
    uint8_t padded[40] = {0};
    memcpy(padded, message, size);
    awaited = next_control++;
    send_packet(&channels[0], 6, 1, awaited, NULL, 0, padded, 40);
    while (awaited) progress();
    return answer;
}

static void say(const void *message, uint32_t size) {
    uint8_t padded[40] = {0};
    memcpy(padded, message, size);
    send_packet(&channels[0], 6, 0, 0, NULL, 0, padded, 40);
}

static void send_in_section(struct channel *channel, uint32_t control, uint32_t section, uint32_t size, uint64_t id) {
    uint8_t message[40] = {107};
    put32(message + 4, control), put32(message + 8, section), put32(message + 12, size);
    send_packet(channel, 6, 1, id, NULL, 0, message, version >= 0x60001 ? 40 : 28);
}

/* An RNDIS request in section 0, which nothing else uses meanwhile; its answer may be all that comes. */
static const uint8_t *ask(const void *message, uint32_t size) {
    static uint32_t number;
    uint8_t *section = maps[4];
    memcpy(section, message, size);
    put32(section + 4, size), put32(section + 8, ++number);
    send_in_section(&channels[0], 1, 0, size, next_control++);
    while (control_answer != number) progress();
    return answer;
}

static const uint8_t *query(uint32_t object) {
    uint8_t message[28] = {4};
    put32(message + 12, object), put32(message + 20, 20);
    const uint8_t *reply = ask(message, sizeof message);
    if (get32(reply) != 0x80000004u || get32(reply + 12) != 0) fail("query of %x: status %x", object, get32(reply + 12));
    return reply + 8 + get32(reply + 20);
}

static void set(uint32_t object, const void *value, uint32_t size) {
    uint8_t message[1024] = {5};
    put32(message + 12, object), put32(message + 16, size), put32(message + 20, 20);
    memcpy(message + 28, value, size);
    const uint8_t *reply = ask(message, 28 + size);
    if (get32(reply) != 0x80000005u || get32(reply + 12) != 0) fail("set of %x: status %x", object, get32(reply + 12));
}

static void *map(const char *path, size_t *size) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) fail("%s: %s", path, strerror(errno));
    void *place = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (place == MAP_FAILED) fail("%s: %s", path, strerror(errno));
    close(file);
    *size = (size_t)status.st_size;
    return place;
}

static void use_rings(struct channel *channel, uint8_t *rings, size_t size) {
    channel->size = (uint32_t)(size / 2) - 4096;
    channel->tx = (struct ring *)rings, channel->tx_data = rings + 4096;
    channel->rx = (struct ring *)(rings + size / 2), channel->rx_data = rings + size / 2 + 4096;
}

static uint32_t number_in(const char *path) {
    FILE *file = fopen(path, "r");
    unsigned value = 0;
    if (!file || fscanf(file, "%u", &value) != 1) fail("%s has no number", path);
    fclose(file);
    return value;
}

static void open_queues(void) {
    uint8_t message[12] = {133};
    put32(message + 4, 1), put32(message + 8, (uint32_t)wanted_queues - 1);
    const uint8_t *reply = request(message, sizeof message);
    if (get32(reply) != 133 || get32(reply + 4) != 1) fail("sub-channels: status %u", get32(reply + 4));
    uint32_t granted = get32(reply + 8);
    if (granted != (uint32_t)wanted_queues - 1) fail("%u sub-channels granted", granted);
    for (uint32_t index = 1; index <= granted; index++) {
        char path[512];
        struct channel *channel = &channels[index];
        channel->relid = relid + index;
        snprintf(path, sizeof path, "%s/channels/%u/ring", sysfs, channel->relid);
        for (int turn = 0; access(path, R_OK | W_OK) != 0; turn++) {
            if (turn > 2000) fail("%s does not come", path);
            usleep(1000);
        }
        size_t size;
        use_rings(channel, map(path, &size), 0);
        use_rings(channel, (uint8_t *)channel->tx, size);
        snprintf(path, sizeof path, "%s/channels/%u/subchannel_id", sysfs, channel->relid);
        if (number_in(path) != index) fail("%s is %u", path, number_in(path));
        snprintf(path, sizeof path, "%s/channels/%u/monitor_id", sysfs, channel->relid);
        channel->monitor = number_in(path);
    }
    channel_count = (int)granted + 1;
    uint8_t scale[40 + 128 * 4 + 40] = {0x89, 2, 40, 0};
    put32(scale + 8, 1 | 0x100 | 0x200), scale[13] = 2, put32(scale + 16, 40 + 40);
    scale[12] = 0, scale[13] = 2, scale[20] = 40, put32(scale + 24, 40);
    for (uint32_t index = 0; index < 40; index++) scale[40 + index] = (uint8_t)(index * 37 + 11);
    for (uint32_t index = 0; index < 128; index++) put32(scale + 80 + index * 4, index % (granted + 1));
    set(0x10204, scale, sizeof scale);
}

static void start(void) {
    static const uint32_t versions[] = {0x60001, 0x60000, 0x50000, 0x40000, 0x30002, 0x2};
    for (unsigned index = 0; index < 6 && version == 0; index++) {
        uint8_t message[12] = {1};
        put32(message + 4, versions[index]), put32(message + 8, versions[index]);
        const uint8_t *reply = request(message, sizeof message);
        if (get32(reply) != 2) fail("INIT is answered by %u", get32(reply));
        if (get32(reply + 12) == 1) version = versions[index];
    }
    if (version == 0 || (wanted_version != 0 && version != wanted_version)) fail("version %x", version);
    if (version >= 0x30002) {
        uint8_t config[20] = {125};
        put32(config + 4, 1514), config[12] = 8;
        say(config, sizeof config);
    }
    uint8_t ndis[12] = {100};
    put32(ndis + 4, 6), put32(ndis + 8, version >= 0x50000 ? 30 : 1);
    say(ndis, sizeof ndis);
    uint8_t buffer[12] = {101};
    put32(buffer + 4, 0xE1E10), buffer[8] = 0xFE, buffer[9] = 0xCA;
    const uint8_t *reply = request(buffer, sizeof buffer);
    if (get32(reply) != 102 || get32(reply + 4) != 1 || get32(reply + 8) != 1) fail("receive buffer: status %u", get32(reply + 4));
    uint8_t second[12] = {104};
    put32(second + 4, 0xE1E11);
    reply = request(second, sizeof second);
    if (get32(reply) != 105 || get32(reply + 4) != 1) fail("send buffer: status %u", get32(reply + 4));
    section_size = get32(reply + 8);
    section_count = (uint32_t)(sizes[4] / section_size);
    section_taken = calloc(section_count, 1);
    section_taken[0] = 1;
    uint8_t initialize[24] = {2};
    put32(initialize + 12, 1), put32(initialize + 20, 0x4000);
    reply = ask(initialize, sizeof initialize);
    if (get32(reply) != 0x80000002u || get32(reply + 12) != 0) fail("RNDIS INITIALIZE: status %x", get32(reply + 12));
    max_messages = get32(reply + 32), alignment = 1u << get32(reply + 40);
    memcpy(address, query(0x01010101), 6);
    if (wanted_queues > 1) open_queues();
    uint8_t filter[4] = {0x9};
    set(0x1010E, filter, 4);
}

/* ---- sending ---- */

static uint32_t put_message(uint8_t *place, uint32_t sequence) {
    memset(place, 0, 44);
    uint32_t size = make_frame(place + 44, sequence);
    place[0] = 1;
    put32(place + 4, 44 + size), put32(place + 8, 36), put32(place + 12, size);
    return 44 + size;
}

static int free_of(const uint8_t *taken, uint32_t count) {
    for (uint32_t index = 0; index < count; index++)
        if (!taken[index]) return (int)index;
    return -1;
}

/* Sends some frames in one packet; 0 when no place is free. */
static uint32_t send_some(uint32_t most) {
    struct channel *channel = &channels[sent % (uint64_t)channel_count];
    uint32_t sequence = (uint32_t)(sent % frames);
    if (sent % 3 != 2) {
        int section = free_of(section_taken, section_count);
        if (section < 0) return 0;
        uint8_t *place = maps[4] + (size_t)section * section_size;
        uint32_t limit = max_messages < (uint32_t)aggregate ? max_messages : (uint32_t)aggregate, used = 0, count = 0;
        while (count < limit && count < most && sent + count < frames) {
            uint32_t at = (used + alignment - 1) / alignment * alignment;
            if (at + 44 + frame_size(sequence + count) > section_size) break;
            used = at + put_message(place + at, sequence + count);
            count++;
        }
        section_taken[section] = 1;
        sent += count;
        send_in_section(channel, 0, (uint32_t)section, used, 1001 + (uint64_t)section);
        return count;
    }
    int slot = free_of(slot_taken, slots);
    if (slot < 0) return 0;
    slot_taken[slot] = 1;
    /* Anywhere in the first page, so that some cross into the second; headers in a range of their own. */
    uint8_t *place = pages + (size_t)slot * slot_size + sequence * 8 % 4096;
    uint32_t size = put_message(place, sequence);
    uint8_t header[256] = {0};
    uint32_t used = 8, ranges = 0;
    for (uint32_t part = 0; part < 2; part++) {
        uint8_t *from = part == 0 ? place : place + 44;
        uint32_t count = part == 0 ? 44 : size - 44;
        uint64_t offset = (uintptr_t)from & 4095;
        put32(header + used, count), put32(header + used + 4, (uint32_t)offset);
        used += 8;
        for (uint64_t page = 0; page * 4096 < offset + count; page++) {
            uint64_t number = ((uintptr_t)from >> 12) + page;
            memcpy(header + used, &number, 8);
            used += 8;
        }
        ranges++;
    }
    put32(header + 4, ranges);
    uint8_t message[40] = {107};
    put32(message + 8, 0xFFFFFFFFu);
    sent++;
    send_packet(channel, 9, 1, (uint64_t)slot + 1, header, used, message, version >= 0x60001 ? 40 : 28);
    return 1;
}

static void check_stop(void) {
    if (stop_after != 0 && received >= stop_after) raise(SIGKILL);
}

static void exchange(void) {
    while (received < frames) {
        /* An injecting host needs one frame, a paced one as many as it sends. */
        uint64_t most = is_echo ? received + (uint64_t)ahead : received + 1;
        if (sent < frames && sent < most && send_some((uint32_t)(most - sent)) > 0) {
            take_all();
            check_stop();
            continue;
        }
        progress();
        check_stop();
    }
    /* What is left to complete. */
    for (;;) {
        int open = 0;
        for (uint32_t index = 0; index < slots; index++) open |= slot_taken[index];
        for (uint32_t index = 1; index < section_count; index++) open |= section_taken[index];
        if (!open) break;
        progress();
    }
}

static uint64_t random_state;
static uint32_t any(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static void make_garbage(void) {
    for (int turn = 0; turn < 2000; turn++) {
        uint32_t *page = (uint32_t *)maps[turn % 2 ? 1 : 2];
        page[any() % 1024] |= any();
        if (turn % 10 == 0) {
            uint8_t bytes[16] = {0};
            put32(bytes, any());
            (void)!send(node, bytes, any() % 17, MSG_DONTWAIT);
        }
        if (turn > 1000) {
            uint32_t *words = (uint32_t *)(any() % 2 ? maps[0] : maps[0] + sizes[0] / 2);
            words[any() % 17] = any() % 2 ? any() : any() % 8192;
            maps[0][any() % sizes[0]] = (uint8_t)any();
        }
        if (turn % 100 == 0) usleep(500);
    }
}

int main(int count, char **words) {
    uint64_t garbage = 0;
    if (count < 5) fail("needs DIRECTORY SYSFS MODE FRAMES");
    directory = words[1], sysfs = words[2], is_echo = strcmp(words[3], "echo") == 0, frames = strtoull(words[4], NULL, 0);
    for (int index = 5; index < count; index++) {
        const char *word = words[index];
        if (strcmp(word, "--interrupts") == 0) {
            sleeps = 1;
            continue;
        }
        const char *value = index + 1 < count ? words[++index] : "";
        unsigned long number = strtoul(value, NULL, 0);
        if (strcmp(word, "--doorbell") == 0) doorbell = value[0] == 'm' ? ring_monitor : value[0] == 'n' ? ring_node : ring_int;
        else if (strcmp(word, "--relid") == 0) relid = (uint32_t)number;
        else if (strcmp(word, "--monitor") == 0) monitor_id = (uint32_t)number;
        else if (strcmp(word, "--queues") == 0) wanted_queues = (int)number;
        else if (strcmp(word, "--aggregate") == 0) aggregate = (int)number;
        else if (strcmp(word, "--nvsp") == 0) wanted_version = (uint32_t)strtoul(value, NULL, 16);
        else if (strcmp(word, "--ahead") == 0) ahead = (int)number;
        else if (strcmp(word, "--stop") == 0) stop_after = number;
        else if (strcmp(word, "--garbage") == 0) garbage = number;
        else fail("%s is no option", word);
    }
    char path[512];
    for (int index = 0; index < 5; index++) {
        snprintf(path, sizeof path, "%s/uio0.map%d", directory, index);
        maps[index] = map(path, &sizes[index]);
    }
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s/uio0.sock", directory);
    node = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connect(node, (struct sockaddr *)&name, sizeof name) != 0) fail("%s: %s", name.sun_path, strerror(errno));
    channels[0].relid = relid, channels[0].monitor = monitor_id;
    use_rings(&channels[0], maps[0], sizes[0]);
    /* The kernel would have opened the channel by now; the host does so once it has seen the last user go. */
    struct ring *tx = channels[0].tx, *rx = channels[0].rx;
    for (int turn = 0; (tx->write | tx->read | rx->write | rx->read) != 0; turn++) {
        if (turn > 5000) fail("the rings do not become fresh");
        usleep(1000);
    }
    pages = mmap(NULL, (size_t)slots * slot_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    seen = calloc(frames + 1, 1);
    if (pages == MAP_FAILED || !seen) fail("no memory");

    start();
    uint64_t begin = now();
    exchange();
    double seconds = (double)(now() - begin) / 1e9;
    printf("%lu frames in %.2f s, %.0f a second; %lu doorbells, %lu sleeps, %u interrupts, NVSP %x, %d channels\n", received,
        seconds, (double)received / seconds, doorbells, sleeps_taken, (uint32_t)interrupts, version, channel_count);
    if (garbage != 0) {
        random_state = garbage;
        make_garbage();
    }
    return 0;
}
