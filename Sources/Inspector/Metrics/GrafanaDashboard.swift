import BusModel

/// The dashboard for Grafana that is shipped: the fleet in one table, then one guest with its devices and channels.
///
/// It is written in Grafana's classic model, which every version since 8 takes in; the data source is chosen when it is opened.
public enum GrafanaDashboard {
    /// The JSON file that Grafana imports.
    public static var document: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.memberNull("id")
            writer.member("uid", "vmbusscope")
            writer.member("title", "VMBus")
            writer.member("description", "Hyper-V guests as 'vmbusscope metrics' sees their VMBus.")
            writer.memberArray("tags") { $0.value("vmbus") }
            writer.member("schemaVersion", 39)
            writer.member("version", 1)
            writer.member("editable", true)
            writer.member("graphTooltip", 1)
            writer.member("timezone", "browser")
            writer.member("refresh", "1m")
            writer.memberObject("time") { writer in
                writer.member("from", "now-6h")
                writer.member("to", "now")
            }
            writer.memberObject("timepicker") { _ in }
            writer.memberArray("links") { _ in }
            writer.memberObject("annotations") { writer in writer.memberArray("list") { _ in } }
            writer.memberObject("templating") { writer in
                writer.memberArray("list") { writer in
                    writeDataSource(&writer)
                    for variable in variables { write(variable, &writer) }
                }
            }
            writer.memberArray("panels") { writer in
                for (index, panel) in panels.enumerated() { write(panel, number: index + 1, &writer) }
            }
        }
        writer.endLine()
        return writer.take()
    }

    // MARK: Variables

    private struct Variable {
        let name: String
        let title: String
        let query: String
    }

    private static let variables = [
        Variable(name: "job", title: "Job", query: "label_values(vmbus_available, job)"),
        Variable(name: "instance", title: "Guest", query: #"label_values(vmbus_available{job=~"$job"}, instance)"#),
        Variable(
            name: "device", title: "Device",
            query: #"label_values(vmbus_device_info{job=~"$job",instance=~"$instance"}, device)"#),
    ]

    private static func writeDataSource(_ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", "datasource")
            writer.member("type", "datasource")
            writer.member("label", "Data source")
            writer.member("query", "prometheus")
            writer.member("hide", 0)
            writer.member("refresh", 1)
        }
    }

    private static func write(_ variable: Variable, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", variable.name)
            writer.member("type", "query")
            writer.member("label", variable.title)
            write(dataSourceOf: &writer)
            writer.memberObject("query") { writer in
                writer.member("query", variable.query)
                writer.member("refId", variable.name)
            }
            writer.member("definition", variable.query)
            writer.member("refresh", 2)
            writer.member("sort", 1)
            writer.member("hide", 0)
            writer.member("multi", true)
            writer.member("includeAll", true)
            writer.memberObject("current") { writer in
                writer.memberArray("text") { $0.value("All") }
                writer.memberArray("value") { $0.value("$__all") }
            }
        }
    }

    private static func write(dataSourceOf writer: inout JSONWriter) {
        writer.memberObject("datasource") { writer in
            writer.member("type", "prometheus")
            writer.member("uid", "${datasource}")
        }
    }

    // MARK: Panels

    private static func write(_ panel: GrafanaPanel, number: Int, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", number)
            writer.member("type", panel.kind.rawValue)
            writer.member("title", panel.title)
            writer.memberObject("gridPos") { writer in
                writer.member("x", panel.place.x)
                writer.member("y", panel.place.y)
                writer.member("w", panel.place.width)
                writer.member("h", panel.place.height)
            }
            guard panel.kind != .row else {
                writer.member("collapsed", false)
                return writer.memberArray("panels") { _ in }
            }
            writer.member("description", panel.help)
            write(dataSourceOf: &writer)
            writer.memberArray("targets") { writer in
                for (index, target) in panel.targets.enumerated() {
                    write(target, panel.kind, letter: Array("ABCDEFGH")[index % 8], &writer)
                }
            }
            writeFields(panel, &writer)
            writeOptions(panel, &writer)
            if panel.kind == .table { writeTransformations(panel, &writer) }
        }
    }

    private static func write(
        _ target: GrafanaPanel.Target, _ kind: GrafanaPanel.Kind, letter: Character, _ writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.member("refId", String(letter))
            write(dataSourceOf: &writer)
            writer.member("editorMode", "code")
            writer.member("expr", target.expression)
            writer.member("legendFormat", target.legend)
            let isInstant = kind == .table || kind == .stat
            writer.member("instant", isInstant)
            writer.member("range", !isInstant)
            writer.member("format", kind == .table ? "table" : "time_series")
        }
    }

    private static func writeFields(_ panel: GrafanaPanel, _ writer: inout JSONWriter) {
        writer.memberObject("fieldConfig") { writer in
            writer.memberObject("defaults") { writer in
                writer.member("unit", panel.unit)
                writer.member("min", 0)
                if panel.unit == "percentunit" { writer.member("max", 1) }
                writer.memberObject("thresholds") { writer in
                    writer.member("mode", "absolute")
                    writer.memberArray("steps") { writer in
                        writer.object { writer in
                            writer.member("color", "green")
                            writer.memberNull("value")
                        }
                        for (color, value) in panel.thresholds {
                            writer.object { writer in
                                writer.member("color", color)
                                writer.member("value", value)
                            }
                        }
                    }
                }
            }
            writer.memberArray("overrides") { writer in
                for (column, unit) in panel.columnUnits {
                    writer.object { writer in
                        writer.memberObject("matcher") { writer in
                            writer.member("id", "byName")
                            writer.member("options", column)
                        }
                        writer.memberArray("properties") { writer in
                            writer.object { writer in
                                writer.member("id", "unit")
                                writer.member("value", unit)
                            }
                        }
                    }
                }
            }
        }
    }

    private static func writeOptions(_ panel: GrafanaPanel, _ writer: inout JSONWriter) {
        writer.memberObject("options") { writer in
            switch panel.kind {
            case .row: break
            case .stat:
                writer.member("colorMode", "value")
                writer.member("graphMode", "none")
                writer.memberObject("reduceOptions") { writer in
                    writer.memberArray("calcs") { $0.value("lastNotNull") }
                    writer.member("fields", "")
                    writer.member("values", false)
                }
            case .table:
                writer.member("showHeader", true)
                writer.member("cellHeight", "sm")
            case .timeSeries:
                writer.memberObject("legend") { writer in
                    writer.member("displayMode", "list")
                    writer.member("placement", "bottom")
                    writer.member("showLegend", true)
                    writer.memberArray("calcs") { _ in }
                }
                writer.memberObject("tooltip") { writer in
                    writer.member("mode", "multi")
                    writer.member("sort", "desc")
                }
            case .heatMap:
                // Each series is a row of its own and its values are the colours.
                writer.member("calculate", false)
                writer.memberObject("rowsFrame") { $0.member("layout", "auto") }
                writer.memberObject("color") { writer in
                    writer.member("mode", "scheme")
                    writer.member("scheme", "Oranges")
                    writer.member("steps", 64)
                    writer.member("exponent", 0.5)
                    writer.member("scale", "exponential")
                    writer.member("fill", "dark-orange")
                    writer.member("reverse", false)
                }
                writer.memberObject("yAxis") { writer in
                    writer.member("axisPlacement", "left")
                    writer.member("reverse", false)
                }
                writer.memberObject("legend") { $0.member("show", true) }
                writer.memberObject("tooltip") { writer in
                    writer.member("mode", "single")
                    writer.member("yHistogram", false)
                }
                writer.member("cellGap", 1)
            }
        }
    }

    /// The queries of a table as its columns, one line for each guest or device.
    private static func writeTransformations(_ panel: GrafanaPanel, _ writer: inout JSONWriter) {
        writer.memberArray("transformations") { writer in
            writer.object { writer in
                writer.member("id", "merge")
                writer.memberObject("options") { _ in }
            }
            writer.object { writer in
                writer.member("id", "organize")
                writer.memberObject("options") { writer in
                    writer.memberObject("excludeByName") { $0.member("Time", true) }
                    writer.memberObject("indexByName") { _ in }
                    writer.memberObject("renameByName") { writer in
                        for (index, target) in panel.targets.enumerated() {
                            // Without a legend all values have one name.
                            let suffix = panel.targets.count > 1 ? " #\(Array("ABCDEFGH")[index % 8])" : ""
                            writer.member("Value" + suffix, target.legend)
                        }
                    }
                }
            }
        }
    }
}
