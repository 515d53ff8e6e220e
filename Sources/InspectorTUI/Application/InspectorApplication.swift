import BusModel
import Configuration
import Inspector
import Platform
import Query
import VMBusWire

/// The inspector on a terminal: keys, signals, the clock and the source come in, frames go out.
///
/// Everything on the screen is decided by ``ScreenState`` and ``Renderer``; here is only what touches the world.
@MainActor
public final class InspectorApplication {
    /// Not more often than this is a frame shown, in nanoseconds.
    private static let frameInterval: UInt64 = 50_000_000
    /// Not more often than this does the doctor look, in nanoseconds.
    private static let diagnosisInterval: UInt64 = 300_000_000
    /// How often a running source goes on.
    private static let tick = Duration.milliseconds(33)
    /// Records that a filter looks at before keys are looked at again.
    private static let filterBudget = 20_000

    private enum Token { case keyboard, signal, inbox }

    private let options: InspectorOptions
    private let terminal: NcursesTerminal
    private var state: ScreenState
    private var inspector: InspectorState
    private var source: (any BusSource)?
    private var inbox: PostedSource.Inbox?
    /// The channel whose rings the inbox has been asked for.
    private var askedRings: ChannelKey?
    /// What the inbox knows of the screen.
    private var watched: (visible: [ChannelKey], chosen: ChannelKey?) = ([], nil)
    /// Tracing was asked for, and whether it can be had is not known yet.
    private var awaitsTrace = false
    private var run = SteppedRun()
    private var sessionRun = SessionRun()
    private var theme: ResolvedTheme
    private var needsFrame = true
    private var lastFrame: UInt64 = 0
    private var lastDiagnosis: UInt64 = 0
    /// The record behind which the doctor has looked last.
    private var diagnosedSequence: UInt64 = 0

    /// Shows the inspector until the user leaves or a signal ends it; the terminal is as it was before then.
    ///
    /// - Throws: why there can be no screen.
    public static func run(
        _ runner: SourceRunner, options: InspectorOptions = InspectorOptions()
    ) throws(TerminalError) -> InspectorExit {
        let application = try InspectorApplication(runner, options)
        defer { application.terminal.close() }
        do throws(SystemError) {
            return try application.loop(runner)
        } catch {
            throw .system(error)
        }
    }

    private init(_ runner: SourceRunner, _ options: InspectorOptions) throws(TerminalError) {
        self.options = options
        let capabilities: Capabilities
        let title: String
        switch runner {
        case .stepped(let source):
            self.source = source
            (capabilities, title) = (source.capabilities, source.title)
        case .posted(let source): (capabilities, title) = (source.capabilities, source.title)
        }
        inspector = InspectorState(capabilities: capabilities, title: title, limits: options.limits)
        // A session begins where it was left, without the records before.
        if let source, source.session.map({ $0.place.sequence > 0 }) ?? false { inspector.ingest(source.keyframe) }
        state = ScreenState(theme: options.theme, isASCII: options.ascii, isRunning: !options.paused)
        state.speed = min(max(options.speed, ScreenState.speeds.lowerBound), ScreenState.speeds.upperBound)
        state.view = options.view
        state.mayTrace = options.tracing
        awaitsTrace = options.tracing
        let environment = options.environment ?? ProcessEnvironment.variables()
        var terminalOptions = NcursesTerminal.Options(environment: environment)
        terminalOptions.depth = options.colorDepth
        terminalOptions.usesMouse = options.mouse
        terminal = try NcursesTerminal(terminalOptions)
        let found = Self.theme(options.theme, options, terminal.depth)
        theme = found.theme
        if let problem = found.problem { state.message = Message(problem, .warning) }
        if !capabilities.canStep, options.paused { inspector.pause() }
        if !options.filter.isEmpty {
            do throws(QueryError) {
                try inspector.setFilter(options.view, options.filter)
            } catch {
                state.message = Message("The filter was not understood: \(error)", .warning)
            }
        }
    }

    private static func theme(
        _ name: String, _ options: InspectorOptions, _ depth: ColorDepth
    ) -> (theme: ResolvedTheme, problem: String?) {
        let library = ThemeLibrary(userTheme: options.userTheme)
        do throws(ConfigurationError) {
            return (ResolvedTheme(theme: try library.theme(named: name).theme, depth: depth), nil)
        } catch {
            let plain = Theme(name: "plain", variant: .dark, looks: Role.allCases.map { _ in Theme.Look() })
            let fallback = (try? library.theme(named: "dark").theme) ?? plain
            return (ResolvedTheme(theme: fallback, depth: depth), "\(error)")
        }
    }

    // MARK: The loop

    private func loop(_ runner: SourceRunner) throws(SystemError) -> InspectorExit {
        // Before the first thread, which inherits that these signals are blocked.
        let signals = try SignalSource()
        // What stands before anything happens, such as a simulation's partitions.
        if var source, let standing = try? source.advance(.steps(0)) {
            self.source = source
            inspector.ingest(standing)
            inspector.session = source.session
        }
        if options.startsAtEnd { perform(.travel(.end, .forward)) }
        show()
        var poll = PollLoop<Token>()
        poll.add(terminal.options.input, token: .keyboard)
        poll.add(signals.fileDescriptor, token: .signal)
        if case .posted(let posted) = runner {
            let inbox = try posted.start()
            self.inbox = inbox
            poll.add(inbox.fileDescriptor, token: .inbox)
        }
        while true {
            for event in try poll.wait(timeout: patience) {
                switch event.token {
                case .keyboard:
                    if let exit = readKeyboard() { return exit }
                    if event.isHungUp { return .terminalGone }
                case .signal:
                    while let signal = try signals.next() {
                        if let exit = handle(signal) { return exit }
                    }
                case .inbox: takeReports()
                }
            }
            advanceIfRunning()
            continueJourney()
            continueFiltering()
            if needsFrame, MonotonicClock.now() &- lastFrame >= Self.frameInterval { show() }
        }
    }

    /// How long there is nothing to do unless something comes.
    private var patience: Duration? {
        if !inspector.flowFilter.isComplete || sessionRun.isUnderway { return .zero }
        if needsFrame {
            let since = MonotonicClock.now() &- lastFrame
            return .nanoseconds(Int64(clamping: since >= Self.frameInterval ? 0 : Self.frameInterval - since))
        }
        return source != nil && state.isRunning ? Self.tick : nil
    }

    private func show() {
        refreshRings()
        diagnose()
        state.settle(inspector, size: terminal.size)
        tellWhatIsWatched()
        let frame = Renderer.frame(state, inspector, size: terminal.size, glyphs: terminal.glyphs)
        terminal.draw(frame.grid, theme: theme)
        needsFrame = false
        lastFrame = MonotonicClock.now()
    }

    /// Lets the source know what it should look at first.
    private func tellWhatIsWatched() {
        guard let watch = inbox?.watch else { return }
        let now = (visible: state.visibleChannels(inspector, size: terminal.size), chosen: state.chosenChannel)
        guard now != watched else { return }
        watched = now
        watch(now.visible, now.chosen)
    }

    /// Lets the doctor look, not more often than a few times a second, as it goes through every channel. What has come to
    /// stand still is looked at once more, as no other frame may follow.
    private func diagnose() {
        let now = MonotonicClock.now()
        let isStill = source != nil && !state.isRunning && !sessionRun.isUnderway
        let isNew = isStill && inspector.lastSequence != diagnosedSequence
        guard inspector.diagnosis == nil || isNew || now &- lastDiagnosis >= Self.diagnosisInterval else { return }
        inspector.diagnose()
        diagnosedSequence = inspector.lastSequence
        lastDiagnosis = now
    }

    /// The memory of the rings that are shown, as it is now.
    private func refreshRings() {
        let isShown = state.view == .rings
        if isShown { state.settle(inspector, size: terminal.size) }
        let wanted = isShown ? state.rings.channel : nil
        if let showRings = inbox?.showRings, wanted != askedRings {
            askedRings = wanted
            showRings(wanted)
        }
        guard isShown, let source else { return }
        guard let channel = state.rings.channel else { return }
        state.rings.images = RingImages(
            channel: channel, inbound: source.ringImage(channel, .hostToGuest),
            outbound: source.ringImage(channel, .guestToHost))
    }

    // MARK: What comes in

    private func readKeyboard() -> InspectorExit? {
        for input in terminal.readInputs() {
            let formerTheme = state.theme
            for effect in state.handle(input, &inspector, size: terminal.size, glyphs: terminal.glyphs) {
                if effect == .quit { return .quit }
                perform(effect)
            }
            if state.theme != formerTheme { changeTheme() }
            // A key shows at once what it did; only what happens by itself waits for the next frame.
            needsFrame = true
            lastFrame = 0
        }
        return nil
    }

    private func handle(_ signal: Signal) -> InspectorExit? {
        switch signal {
        case .windowChanged: terminal.resize()
        case .suspend:
            terminal.suspend()
            SignalSource.suspendProcess()
            terminal.resume()
            run.stop()
        case .resume: terminal.redraw()
        default: return .signal(signal.rawValue)
        }
        needsFrame = true
        return nil
    }

    private func takeReports() {
        for report in inbox?.takeAll() ?? [] {
            switch report {
            case .batch(let batch):
                if batch.isEmpty {
                    // A look without news is news for the doctor: what it watches is unchanged.
                    if inspector.capabilities.kind == .live { inspector.look(at: MonotonicClock.now()) }
                    if state.view == .doctor || state.view == .ledger { needsFrame = true }
                    continue
                }
                inspector.ingest(batch)
                tellOfTrace()
            case .rings(let channel, let inbound, let outbound):
                guard channel == askedRings, !inspector.isPaused else { continue }
                state.rings.images = RingImages(channel: channel, inbound: inbound, outbound: outbound)
            case .said(let text): state.message = Message(text, .warning)
            case .failed(let error): state.message = Message("The source has stopped: \(error)", .failure)
            }
            needsFrame = true
        }
    }

    /// Says what became of tracing that was asked for.
    private func tellOfTrace() {
        guard awaitsTrace else { return }
        if inspector.isTracing {
            awaitsTrace = false
            state.message = Message("Tracing: every control message is a record of Flow. T ends it.")
        } else if let obstacle = inspector.tracingObstacle, !obstacle.isEmpty {
            awaitsTrace = false
            state.message = Message("No tracing: \(obstacle)", .failure)
        }
    }

    private func advanceIfRunning() {
        guard state.isRunning, !sessionRun.isUnderway, var source else {
            run.stop()
            return
        }
        do throws(SourceError) {
            let batch = try run.advance(
                &source, speed: state.speed, logTime: inspector.lastTime, wall: MonotonicClock.now(),
                now: MonotonicClock.now)
            self.source = source
            inspector.ingest(batch)
            inspector.session = source.session
            if let stop = SessionRun.stop(inspector.session) {
                state.isRunning = false
                state.message = stop
            } else if batch.isEmpty {
                return
            }
        } catch {
            state.isRunning = false
            state.message = Message("The source has stopped: \(error)", .failure)
        }
        needsFrame = true
    }

    /// Goes on with a journey through the session, in portions so small that no key waits for them.
    private func continueJourney() {
        guard sessionRun.isUnderway, var source else { return }
        let wall = MonotonicClock.now()
        let message = sessionRun.goOn(&source, &inspector) { MonotonicClock.now() &- wall < SteppedRun.patience }
        self.source = source
        state.progress = sessionRun.progress(source)
        if let message { state.say(message) }
        needsFrame = true
    }

    private func continueFiltering() {
        guard !inspector.flowFilter.isComplete else { return }
        inspector.continueFiltering(budget: Self.filterBudget)
        needsFrame = true
    }

    // MARK: What goes out

    private func changeTheme() {
        let found = Self.theme(state.theme, options, terminal.depth)
        theme = found.theme
        if let problem = found.problem { state.message = Message(problem, .warning) }
    }

    private func perform(_ effect: ScreenEffect) {
        switch effect {
        case .quit: break
        case .redraw: terminal.redraw()
        case .copy(let text): terminal.copy(text)
        case .travel, .command, .compare:
            guard var source else { return }
            run.stop()
            let wall = MonotonicClock.now()
            let said = sessionRun.perform(effect, &source, &inspector) {
                MonotonicClock.now() &- wall < SteppedRun.patience
            }
            state.say(said)
            self.source = source
            state.progress = sessionRun.progress(source)
        case .stop:
            guard var source else { return }
            state.message = sessionRun.stop(&source, &inspector)
            self.source = source
            state.progress = nil
        case .write(let form, let range, let path, let replaces):
            guard let source else { return }
            do throws(CommandRefusal) {
                let text = try source.export(form, range)
                state.say(
                    options.writeFile(path, text, replaces).map { Message($0, .failure) }
                        ?? Message("Wrote \(path), \(Quantity.number(UInt64(text.utf8.count), "byte"))."))
            } catch {
                state.say(Message("\(error)", .failure))
            }
        case .lookFaster, .lookSlower:
            let said = inbox?.changeInterval?(effect == .lookFaster)
            state.message = Message(said ?? "How often this source is looked at is fixed.")
        case .trace(let isWanted):
            if let trace = inbox?.trace {
                awaitsTrace = isWanted
                trace(isWanted)
            } else {
                state.message = Message("This source has no tracepoints.", .warning)
            }
        }
    }
}
