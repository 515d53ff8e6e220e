import BusModel
import Platform

/// Lets a source that can be stepped follow the clock on the wall, in portions so small that no key waits for them.
struct SteppedRun {
    /// The log's time that belongs to a moment on the wall.
    private var anchor: (wall: UInt64, log: UInt64)?
    private var speed = 0

    /// Choices that the source makes at a time, and the time after which keys are looked at again.
    static let portion = 256
    static let patience: UInt64 = 15_000_000

    /// The source stands still from now on.
    mutating func stop() { anchor = nil }

    /// Lets the source go on until it has reached the wall's clock; gives up when that takes too long, and takes up the
    /// clock where the source is then.
    ///
    /// - Parameter logTime: the log's time at which the source is.
    mutating func advance(
        _ source: inout any BusSource, speed: Int, logTime: UInt64, wall: UInt64, now: () -> UInt64
    ) throws(SourceError) -> FlowBatch {
        guard let anchor, self.speed == speed else {
            anchor = (wall, logTime)
            self.speed = speed
            return FlowBatch()
        }
        let target = anchor.log &+ Self.scaled(wall &- anchor.wall, speed)
        var result = FlowBatch()
        while true {
            let batch = try source.advance(.time(target, limit: Self.portion))
            result.append(batch)
            // Less than a portion: the source is there.
            if batch.headers.count < Self.portion / 2 { return result }
            if now() &- wall > Self.patience {
                self.anchor = (now(), result.headers.last?.time ?? logTime)
                return result
            }
        }
    }

    /// A span of the wall's clock at a speed, as a span of the log's time.
    static func scaled(_ span: UInt64, _ speed: Int) -> UInt64 {
        if speed < 0 { return span >> UInt64(min(63, -speed)) }
        let (product, overflow) = span.multipliedReportingOverflow(by: 1 << UInt64(min(62, speed)))
        return overflow ? .max : product
    }
}
