import BusModel
import Inspector

/// What the view of the processors shows.
struct CPUsState: Hashable, Sendable {
    /// The chosen channel.
    var channel: ChannelKey?
    /// Whether a column stands for a device, by hand; nil for what the room allows.
    var isByDevice: Bool?
    /// The column at the left.
    var offset = 0
    /// The processor on which the chosen channel is tried; nil for the map of what is.
    var target: Int?
}

/// The columns of the map of processors, and where they are.
struct ProcessorMapLayout {
    /// One column: a device or a channel.
    struct Column {
        /// The place of the device or channel in the map.
        var index: Int
        var width: Int
        /// What stands above it.
        var title: String
    }

    let isByDevice: Bool
    let columns: [Column]
    /// The room for the columns.
    let room: Int

    init(_ map: ProcessorMap, _ state: CPUsState, room: Int) {
        self.room = room
        let channels = map.channels.indices.filter { map.channels[$0].isOpen }
        isByDevice = state.isByDevice ?? (channels.count * Self.channelWidth > room)
        if isByDevice {
            let devices = map.devices.indices.filter {
                map.channels[map.devices[$0].channels].contains(where: \.isOpen)
            }
            columns = devices.map { index in
                let title = map.devices[index].label
                let wide = min(Self.widestDevice, DisplayText.columns(of: title))
                return Column(index: index, width: max(Self.narrowestDevice, wide) + 1, title: title)
            }
        } else {
            columns = channels.map { index in
                Column(
                    index: index, width: Self.channelWidth, title: String(map.channels[index].key.subchannel % 100))
            }
        }
    }

    static let channelWidth = 3
    static let narrowestDevice = 9
    static let widestDevice = 12

    /// The columns that are seen from an offset on, with their distance from the left.
    func visible(from offset: Int) -> [(place: Int, start: Int, width: Int)] {
        var start = 0
        var seen: [(place: Int, start: Int, width: Int)] = []
        for place in columns.indices.dropFirst(min(max(0, offset), columns.count)) {
            let width = columns[place].width
            guard start + width <= room else { break }
            seen.append((place, start, width))
            start += width
        }
        return seen
    }

    /// The column of a channel.
    func column(of channel: ChannelKey?, in map: ProcessorMap) -> Int? {
        guard let channel, let place = map.place(of: channel) else { return nil }
        let index = isByDevice ? map.channels[place].device : place
        return columns.firstIndex { $0.index == index }
    }

    /// The first open channel of a column.
    func channel(of column: Int, in map: ProcessorMap) -> ChannelKey? {
        guard columns.indices.contains(column) else { return nil }
        let index = columns[column].index
        return isByDevice
            ? map.channels[map.devices[index].channels].first(where: \.isOpen)?.key : map.channels[index].key
    }

    /// The offset that shows a column with the least scrolling.
    func offset(showing column: Int?, from offset: Int) -> Int {
        var offset = min(max(0, offset), max(0, columns.count - 1))
        // No empty room at the right while there are columns at the left.
        while offset > 0, (columns[(offset - 1)...].reduce(0) { $0 + $1.width }) <= room { offset -= 1 }
        guard let column else { return offset }
        if column < offset { return column }
        while offset < column, !visible(from: offset).contains(where: { $0.place == column }) { offset += 1 }
        return offset
    }
}
