import BusModel
import Inspector
import Testing

@Suite struct ActionTableTests {
    private let simulator = Capabilities(kind: .simulator, canStep: true, canSeek: true, hasRingImages: true)
    private let live = Capabilities(kind: .live, canStep: false, canSeek: false, hasRingImages: false)

    @Test func `every action is there once, with a help sentence`() {
        #expect(
            ActionTable.all.map(\.id).sorted { $0.rawValue < $1.rawValue }
                == ActionID.allCases.sorted { $0.rawValue < $1.rawValue })
        for action in ActionTable.all {
            #expect(action.help.hasSuffix("."), "\(action.id)")
            #expect(!action.title.isEmpty && !action.keys.isEmpty && !action.views.isEmpty, "\(action.id)")
        }
    }

    @Test func `no key means two things in one view`() {
        for view in InspectorView.allCases {
            var seen: [String: ActionID] = [:]
            for action in ActionTable.all where action.views.contains(view) {
                for key in action.keys {
                    #expect(seen[key] == nil, "\(key) in \(view): \(action.id)")
                    seen[key] = action.id
                }
            }
        }
    }

    @Test func `keys are found in their views only`() {
        #expect(ActionTable.lookup(key: "n", view: .flow)?.id == .stepEvent)
        #expect(ActionTable.lookup(key: "Space", view: .rings)?.id == .pauseRun)
        #expect(ActionTable.lookup(key: "[", view: .rings)?.id == .previousChannel)
        #expect(ActionTable.lookup(key: "[", view: .flow) == nil)
        #expect(ActionTable.lookup(key: "F12", view: .flow) == nil)
    }

    @Test func `stepping is for sources that can be stepped`() {
        let steps: Set<ActionID> = [.stepEvent, .stepPacket, .stepMessage, .backEvent, .backPacket, .backMessage]
        #expect(ActionTable.actions(for: .flow, simulator).count { steps.contains($0.id) } == 6)
        #expect(ActionTable.actions(for: .flow, live).allSatisfy { !steps.contains($0.id) })
        let forward = Capabilities(kind: .simulator, canStep: true, canSeek: false, hasRingImages: true)
        #expect(ActionTable.actions(for: .flow, forward).count { steps.contains($0.id) } == 3)
    }

    @Test func `the bar has F-keys in their order, each once`() {
        for view in InspectorView.allCases {
            let keys = ActionTable.bar(for: view, simulator).compactMap(\.barKey)
            #expect(keys == keys.sorted { Int($0.dropFirst()) ?? 0 < Int($1.dropFirst()) ?? 0 })
            #expect(keys.first == "F1" && keys.last == "F10")
            #expect(Set(keys).count == keys.count)
        }
        #expect(ActionTable.all.allSatisfy { ($0.barLabel == nil) == ($0.barKey == nil) })
    }

    @Test func `the palette finds by name, id and meaning`() {
        #expect(ActionTable.search("").count == ActionTable.all.count)
        #expect(ActionTable.search("quit").first?.id == .quit)
        #expect(ActionTable.search("step-mess").first?.id == .stepMessage)
        #expect(ActionTable.search("Step to m").first?.id == .stepMessage)
        #expect(ActionTable.search("clipboard").first?.id == .copy)
        #expect(ActionTable.search("thm").first?.id == .theme)
        #expect(ActionTable.search("zzzz").isEmpty)
    }

    @Test func `the help lists every key of the view and says what the source cannot do`() {
        for view in InspectorView.allCases {
            let text = ActionTable.helpText(for: view, live)
            for action in ActionTable.all where action.views.contains(view) {
                #expect(text.contains(action.help))
                for key in action.keys { #expect(text.contains(key)) }
            }
        }
        #expect(ActionTable.helpText(for: .flow, live).contains("cannot be stepped"))
        #expect(!ActionTable.helpText(for: .flow, simulator).contains("cannot be stepped"))
    }

    @Test func `views go round`() {
        var view = InspectorView.partitions
        for _ in InspectorView.allCases { view = view.next }
        #expect(view == .partitions)
        #expect(InspectorView.partitions.previous == InspectorView.allCases.last)
    }
}
