import BusModel
import Glibc
import Platform

/// The file `ring` of a channel that belongs to uio_hv_generic: both rings with their control pages, the guest→host one first
/// (linux-guest-data §2, §7; reference §7.6). Mapping it for reading opens and closes no channel.
struct RingFile {
    /// The bytes of a control page, whatever the page of the processor is.
    static let controlBytes = 4096
    /// The most that is mapped: rings of 32 MiB each.
    static let longest = 64 << 20
    /// How often a copy is tried again while the indices move.
    private static let tries = 4

    /// The two rings at one moment.
    struct Images: Hashable, Sendable {
        var inbound: RingImage
        var outbound: RingImage
    }

    /// Copies both rings.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - inSize: Data bytes of the host→guest ring, where they are known; nil takes half of the file for each ring, which is wrong on
    ///     kernels that give every such file 4 MiB.
    ///   - outSize: Data bytes of the guest→host ring.
    /// - Throws: `ENOENT` for a channel without such a file, `ENODEV` while the channel is closed, `EACCES` without the right to
    ///   read it, `EINVAL` for a file that cannot hold such rings.
    static func images(
        _ path: String, inSize: UInt64?, outSize: UInt64?, _ files: any FileLayer
    ) throws(SystemError) -> Images {
        let memory = try files.memory(path, limit: longest)
        let half = memory.byteCount / 2
        func ring(_ size: UInt64?) -> Int {
            size.map { Int(clamping: min($0, UInt64(longest))) + controlBytes } ?? half
        }
        let (out, inbound) = (ring(outSize), ring(inSize))
        guard out > controlBytes, inbound > controlBytes, out % 4 == 0, out + inbound <= memory.byteCount else {
            throw SystemError(call: "mmap", code: EINVAL, path: path)
        }
        let images = Images(
            inbound: copy(memory, at: out, inbound), outbound: copy(memory, at: 0, out))
        // The channel was closed, or the device went, while its rings were copied.
        guard !memory.isDamaged else { throw SystemError(call: "mmap", code: ENODEV, path: path) }
        return images
    }

    /// Copies one ring: the indices, the bytes, the indices again; if these have moved the bytes are of no one moment.
    private static func copy(_ memory: any FileMemory, at start: Int, _ count: Int) -> RingImage {
        var image = RingImage(controlPage: [], data: [], isTorn: true)
        for _ in 0..<tries {
            let before = (memory.word(at: start), memory.word(at: start + 4))
            image.controlPage = memory.bytes(start..<start + controlBytes)
            image.data = memory.bytes(start + controlBytes..<start + count)
            let after = (memory.word(at: start), memory.word(at: start + 4))
            image.isTorn = before != after
            if !image.isTorn { break }
        }
        return image
    }
}
