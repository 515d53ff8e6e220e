import CLinux
import Glibc

/// A tracepoint to watch.
public struct PerfTracepoint: Sendable, Hashable {
    /// The number in its `id` file.
    public let id: UInt16
    /// What the kernel is to keep, such as `host_no == 0`; nil for everything.
    public let filter: String?

    /// A tracepoint by its number.
    public init(id: UInt16, filter: String? = nil) {
        self.id = id
        self.filter = filter
    }
}

/// Tracepoints of one processor and the buffer into which the kernel writes them. The kernel ends it all when the last
/// descriptor is gone, however the process dies.
///
/// `@unchecked Sendable` because one thread at a time uses it: the one that owns the source it belongs to.
public final class PerfBuffer: @unchecked Sendable {
    /// The processor, as the kernel counts them.
    public let processor: Int
    private let descriptors: [Int32]
    private let page: UnsafeMutableRawPointer
    private let mappedSize: Int
    private let dataSize: UInt64
    private var tail: UInt64

    /// Opens tracepoints on one processor; they stay switched off until ``enable()``.
    ///
    /// - Parameters:
    ///   - processor: an online processor.
    ///   - tracepoints: at least one.
    ///   - pages: pages of the buffer, a power of two.
    /// - Throws: `EACCES` or `EPERM` where the right is missing, `EMFILE` where there are too few descriptors, `ENODEV` for a
    ///   processor that is offline, `ENOENT` for a tracepoint that is gone.
    public init(processor: Int, _ tracepoints: [PerfTracepoint], pages: Int) throws(SystemError) {
        var opened: [Int32] = []
        var mapped: UnsafeMutableRawPointer?
        let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
        let size = (pages + 1) * pageSize
        do throws(SystemError) {
            for tracepoint in tracepoints {
                let descriptor = cl_perf_tracepoint(UInt64(tracepoint.id), Int32(clamping: processor))
                guard descriptor >= 0 else { throw SystemError.last("perf_event_open") }
                opened.append(descriptor)
                if let filter = tracepoint.filter, cl_perf_set_filter(descriptor, filter) != 0 {
                    throw SystemError.last("PERF_EVENT_IOC_SET_FILTER")
                }
                guard let leader = opened.first, leader != descriptor else {
                    let result = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
                    guard let result, result != MAP_FAILED else { throw SystemError.last("mmap", path: "perf buffer") }
                    mapped = result
                    continue
                }
                guard cl_perf_set_output(descriptor, leader) == 0 else {
                    throw SystemError.last("PERF_EVENT_IOC_SET_OUTPUT")
                }
            }
            guard let mapped else { throw SystemError(call: "perf_event_open", code: EINVAL) }
            page = mapped
        } catch {
            if let mapped { munmap(mapped, size) }
            for descriptor in opened { close(descriptor) }
            throw error
        }
        self.processor = processor
        descriptors = opened
        mappedSize = size
        dataSize = UInt64(pages * pageSize)
        tail = cl_perf_head(page)
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
        munmap(page, mappedSize)
    }

    /// Switches all its tracepoints on, which patches the kernel's text where nobody else has done so already.
    public func enable() throws(SystemError) {
        for descriptor in descriptors where cl_perf_enable(descriptor) != 0 {
            throw SystemError.last("PERF_EVENT_IOC_ENABLE")
        }
    }

    /// Everything that was written since the last call; nil if the kernel's position makes no sense, then reading goes on behind
    /// it.
    public func takeAll() -> [UInt8]? {
        let head = cl_perf_head(page)
        let count = head &- tail
        guard count <= dataSize else {
            tail = head
            cl_perf_set_tail(page, tail)
            return nil
        }
        guard count > 0 else { return [] }
        let data = UnsafeRawBufferPointer(start: page + (mappedSize - Int(dataSize)), count: Int(dataSize))
        let start = Int(tail % dataSize)
        let first = min(Int(count), data.count - start)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(count))
        bytes.append(contentsOf: data[start..<start + first])
        bytes.append(contentsOf: data[..<(Int(count) - first)])
        tail = head
        cl_perf_set_tail(page, tail)
        return bytes
    }
}
