#include "CRing.h"

#include <stdatomic.h>
#include <string.h>

enum {
    write_index = 0x00,
    read_index = 0x04,
    interrupt_mask = 0x08,
    pending_send_size = 0x0C,
    feature_bits = 0x40,
    descriptor_size = 16,
    trailer_size = 8,
};

static inline _Atomic uint32_t *word(const struct cring *ring, int offset) {
    return (_Atomic uint32_t *)(void *)(ring->control + offset);
}

static inline uint32_t load(const struct cring *ring, int offset) {
    return atomic_load_explicit(word(ring, offset), memory_order_acquire);
}

static inline void store(const struct cring *ring, int offset, uint32_t value) {
    atomic_store_explicit(word(ring, offset), value, memory_order_release);
}

static inline uint64_t load_word(const uint8_t *place) {
    return atomic_load_explicit((const _Atomic uint64_t *)(const void *)place, memory_order_relaxed);
}

static inline void store_word(uint8_t *place, uint64_t value) {
    atomic_store_explicit((_Atomic uint64_t *)(void *)place, value, memory_order_relaxed);
}

/* Whether bytes lie in one piece. */
static inline bool is_whole(const struct cring *ring, uint32_t offset, uint32_t count) {
    return ring->mapped_twice || count <= ring->data_size - offset;
}

static inline uint32_t distance(const struct cring *ring, uint32_t start, uint32_t end) {
    return end >= start ? end - start : ring->data_size - start + end;
}

static inline uint32_t advance(const struct cring *ring, uint32_t offset, uint32_t count) {
    uint32_t sum = offset + count;
    return sum >= ring->data_size ? sum - ring->data_size : sum;
}

static inline bool is_index(const struct cring *ring, uint32_t value) {
    return value < ring->data_size && (value & 7) == 0;
}

static inline void copy_in(const struct cring *ring, uint32_t offset, const uint8_t *bytes, size_t count) {
    size_t first = ring->data_size - offset;
    if (count <= first) {
        memcpy(ring->data + offset, bytes, count);
    } else {
        memcpy(ring->data + offset, bytes, first);
        memcpy(ring->data, bytes + first, count - first);
    }
}

static inline void copy_out(const struct cring *ring, uint32_t offset, uint8_t *bytes, size_t count) {
    size_t first = ring->data_size - offset;
    if (ring->mapped_twice || count <= first) {
        memcpy(bytes, ring->data + offset, count);
    } else {
        memcpy(bytes, ring->data + offset, first);
        memcpy(bytes + first, ring->data, count - first);
    }
}

void cring_initialize(const struct cring *ring) {
    store(ring, write_index, 0);
    store(ring, read_index, 0);
    store(ring, interrupt_mask, 0);
    store(ring, pending_send_size, 0);
    store(ring, feature_bits, 1);
}

void cring_mask(const struct cring *ring) {
    store(ring, interrupt_mask, 1);
}

/* Looks at the space once, for all packets of a batch. */
static inline enum cring_status begin(const struct cring *ring, struct cring_sender *sender) {
    uint32_t read = load(ring, read_index);
    if (!is_index(ring, read)) return CRING_DAMAGE;
    sender->free = ring->data_size - distance(ring, read, sender->position);
    return CRING_OK;
}

static inline enum cring_status append(
    const struct cring *ring, struct cring_sender *sender, uint16_t type, uint16_t flags, uint64_t transaction,
    const uint8_t *payload, size_t count) {
    uint32_t limit = ring->data_size - trailer_size - 8;
    if (limit > 65535 * 8) limit = 65535 * 8;
    if (count > limit - descriptor_size) return CRING_DAMAGE;
    uint32_t total = (uint32_t)(descriptor_size + count + 7) & ~7u;
    uint32_t needed = total + trailer_size;
    if (sender->free <= needed) return CRING_NONE;
    uint32_t start = sender->position;
    uint64_t first = type | (uint64_t)(descriptor_size / 8) << 16 | (uint64_t)(total / 8) << 32 | (uint64_t)flags << 48;
    /* The last word is cleared before the payload goes over it: padding is zeros. */
    if (is_whole(ring, start, needed)) {
        uint8_t *place = ring->data + start;
        store_word(place, first);
        store_word(place + 8, transaction);
        if (count & 7) store_word(place + total - 8, 0);
        memcpy(place + descriptor_size, payload, count);
        store_word(place + total, (uint64_t)start << 32);
    } else {
        store_word(ring->data + start, first);
        store_word(ring->data + advance(ring, start, 8), transaction);
        if (count & 7) store_word(ring->data + advance(ring, start, total - 8), 0);
        copy_in(ring, advance(ring, start, descriptor_size), payload, count);
        store_word(ring->data + advance(ring, start, total), (uint64_t)start << 32);
    }
    sender->position = advance(ring, start, needed);
    sender->free -= needed;
    return CRING_OK;
}

static inline enum cring_status publish(const struct cring *ring, struct cring_sender *sender, bool *signal) {
    *signal = false;
    if (sender->position == sender->published) return CRING_OK;
    store(ring, write_index, sender->position);
    if (sender->pending != 0) {
        store(ring, pending_send_size, 0);
        sender->pending = 0;
    }
    atomic_thread_fence(memory_order_seq_cst);
    if (load(ring, interrupt_mask) == 0) {
        uint32_t read = load(ring, read_index);
        if (!is_index(ring, read)) return CRING_DAMAGE;
        *signal = read == sender->published;
    }
    sender->published = sender->position;
    return CRING_OK;
}

struct packet {
    uint16_t type, flags;
    uint32_t header, total;
    uint64_t transaction;
    uint32_t offset;
};

static inline enum cring_status next(
    const struct cring *ring, struct cring_receiver *receiver, struct packet *packet) {
    uint32_t position = receiver->position;
    uint32_t write = receiver->known_write;
    if (write == position) {
        write = load(ring, write_index);
        if (!is_index(ring, write)) return CRING_DAMAGE;
        if (write == position) return CRING_NONE;
        if (distance(ring, receiver->published, write) <= distance(ring, receiver->published, position))
            return CRING_DAMAGE;
    }
    uint32_t available = distance(ring, position, write);
    if (available < descriptor_size + trailer_size) return CRING_DAMAGE;
    bool whole = is_whole(ring, position, available);
    const uint8_t *place = ring->data + position;
    uint64_t first = load_word(place);
    packet->transaction = load_word(whole ? place + 8 : ring->data + advance(ring, position, 8));
    packet->type = (uint16_t)first;
    packet->flags = (uint16_t)(first >> 48);
    packet->header = (uint32_t)(uint16_t)(first >> 16) * 8;
    packet->total = (uint32_t)(uint16_t)(first >> 32) * 8;
    packet->offset = position;
    if (packet->header < descriptor_size || packet->total < packet->header
        || packet->total > available - trailer_size)
        return CRING_DAMAGE;
    const uint8_t *trailer = whole ? place + packet->total : ring->data + advance(ring, position, packet->total);
    if (load_word(trailer) >> 32 != position) return CRING_DAMAGE;
    receiver->known_write = write;
    receiver->position = advance(ring, position, packet->total + trailer_size);
    return CRING_OK;
}

static inline size_t payload(
    const struct cring *ring, const struct packet *packet, uint8_t *buffer, size_t buffer_size) {
    size_t count = packet->total - packet->header;
    if (count > buffer_size) count = buffer_size;
    if (count > 0) copy_out(ring, advance(ring, packet->offset, packet->header), buffer, count);
    return count;
}

static inline enum cring_status commit(const struct cring *ring, struct cring_receiver *receiver, bool *signal) {
    *signal = false;
    if (receiver->position == receiver->published) return CRING_OK;
    store(ring, read_index, receiver->position);
    if (load(ring, feature_bits) & 1) {
        atomic_thread_fence(memory_order_seq_cst);
        uint32_t pending = load(ring, pending_send_size);
        if (pending != 0) {
            uint32_t write = load(ring, write_index);
            if (!is_index(ring, write)) return CRING_DAMAGE;
            uint32_t free = ring->data_size - distance(ring, receiver->position, write);
            uint32_t freed = distance(ring, receiver->published, receiver->position);
            *signal = free >= freed && free - freed <= pending && pending < free;
        }
    }
    receiver->published = receiver->position;
    return CRING_OK;
}

enum cring_status cring_exchange(
    const struct cring *ring_pointer, struct cring_sender *sender_pointer, struct cring_receiver *receiver_pointer,
    const uint8_t *bytes, size_t count, uint8_t *buffer, size_t batch, size_t rounds, uint64_t *sum, uint64_t *signals) {
    const struct cring ring = *ring_pointer;
    struct cring_sender sender = *sender_pointer;
    struct cring_receiver receiver = *receiver_pointer;
    uint64_t total = 0, due = 0, transaction = 0;
    for (size_t round = 0; round < rounds; round++) {
        bool signal;
        if (begin(&ring, &sender) != CRING_OK) return CRING_DAMAGE;
        for (size_t number = 0; number < batch; number++) {
            enum cring_status status = append(&ring, &sender, 6, 0, ++transaction, bytes, count);
            if (status != CRING_OK) return status;
        }
        if (publish(&ring, &sender, &signal) != CRING_OK) return CRING_DAMAGE;
        due += signal;
        struct packet packet;
        enum cring_status status;
        while ((status = next(&ring, &receiver, &packet)) == CRING_OK) {
            size_t copied = payload(&ring, &packet, buffer, count);
            total += (uint64_t)buffer[0] + buffer[copied - 1];
        }
        if (status != CRING_NONE) return status;
        if (commit(&ring, &receiver, &signal) != CRING_OK) return CRING_DAMAGE;
        due += signal;
    }
    *sender_pointer = sender;
    *receiver_pointer = receiver;
    *sum += total;
    *signals += due;
    return CRING_OK;
}

enum cring_status cring_send_all(
    const struct cring *ring_pointer, struct cring_sender *sender_pointer, const uint8_t *bytes, size_t count,
    size_t batch, size_t packets, uint64_t *signals) {
    const struct cring ring = *ring_pointer;
    struct cring_sender sender = *sender_pointer;
    uint64_t due = 0, transaction = 0;
    uint32_t spins = 0;
    while (transaction < packets) {
        bool signal;
        if (begin(&ring, &sender) != CRING_OK) return CRING_DAMAGE;
        size_t written = 0;
        while (written < batch && transaction < packets) {
            enum cring_status status = append(&ring, &sender, 6, 0, transaction, bytes, count);
            if (status == CRING_NONE) break;
            if (status != CRING_OK) return status;
            transaction++;
            written++;
        }
        if (publish(&ring, &sender, &signal) != CRING_OK) return CRING_DAMAGE;
        due += signal;
        if (written == 0) cring_idle(&spins);
    }
    *sender_pointer = sender;
    *signals += due;
    return CRING_OK;
}

enum cring_status cring_receive_all(
    const struct cring *ring_pointer, struct cring_receiver *receiver_pointer, uint8_t *buffer, size_t buffer_size,
    size_t batch, size_t packets, uint64_t *sum, uint64_t *signals) {
    const struct cring ring = *ring_pointer;
    struct cring_receiver receiver = *receiver_pointer;
    uint64_t total = 0, due = 0;
    size_t taken = 0;
    uint32_t spins = 0;
    while (taken < packets) {
        bool signal;
        size_t drained = 0;
        while (drained < batch && taken < packets) {
            struct packet packet;
            enum cring_status status = next(&ring, &receiver, &packet);
            if (status == CRING_NONE) break;
            if (status != CRING_OK || packet.transaction != taken) return CRING_DAMAGE;
            size_t copied = payload(&ring, &packet, buffer, buffer_size);
            total += (uint64_t)buffer[0] + buffer[copied - 1];
            drained++;
            taken++;
        }
        if (commit(&ring, &receiver, &signal) != CRING_OK) return CRING_DAMAGE;
        due += signal;
        if (drained == 0) cring_idle(&spins);
    }
    *receiver_pointer = receiver;
    *sum += total;
    *signals += due;
    return CRING_OK;
}

void cring_copy(
    uint8_t *area, size_t area_size, const uint8_t *bytes, size_t count, uint8_t *buffer, size_t batch, size_t rounds,
    uint64_t *sum) {
    uint64_t total = 0;
    size_t place = 0;
    for (size_t round = 0; round < rounds; round++) {
        size_t start = place;
        for (size_t number = 0; number < batch; number++) {
            memcpy(area + place, bytes, count);
            place += count;
            if (place > area_size - count) place = 0;
        }
        for (size_t number = 0; number < batch; number++) {
            memcpy(buffer, area + start, count);
            total += (uint64_t)buffer[0] + buffer[count - 1];
            start += count;
            if (start > area_size - count) start = 0;
        }
    }
    *sum += total;
}
