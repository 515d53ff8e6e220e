import BusModel

/// A form of words in the kernel log and the fact that it stands for. The first that fits decides.
struct KernelLogRule: Sendable {
    let fact: KernelLogFact
    let form: TextForm

    private init(_ fact: KernelLogFact, _ form: String) {
        self.fact = fact
        self.form = TextForm(form)
    }

    /// All that are known (reference §7.8; linux-guest-data §1 for spellings that were seen).
    static let all: [KernelLogRule] = [
        // The hypervisor.
        KernelLogRule(.hypervisorDetected, "Hypervisor detected: Microsoft"),
        KernelLogRule(
            .hypervisorFeatures,
            "privilege flags low {low:x}, high {high:x}, ext {ext:x}, hints {hints:x}, misc {misc:x}"),
        KernelLogRule(
            .hypervisorFeatures, "privilege flags low {low:x}, high {high:x}, hints {hints:x}, misc {misc:x}"),
        KernelLogRule(.hypervisorFeatures, ": features {low:x}, hints {hints:x}, misc {misc:x}"),
        KernelLogRule(.hypervisorFeatures, ": features {low:x}, hints {hints:x}"),
        KernelLogRule(.isolation, "Isolation Config: Group A {second:x}, Group B {first:x}"),
        KernelLogRule(.isolation, "Isolation Config: GroupA {second:x}, GroupB {first:x}"),
        KernelLogRule(.isolation, "VMBus control plane is confidential: {first:d}"),
        KernelLogRule(.isolation, "confidential VMBus"),
        // The connection.
        KernelLogRule(.versionAgreed, "Vmbus version:{first:d}.{second:d}"),
        KernelLogRule(.hypervisorBuild, "Host Build"),
        KernelLogRule(.hypervisorBuild, "Hypervisor Build"),
        KernelLogRule(.connectionFailed, "Unable to connect to host"),
        KernelLogRule(.connectionFailed, "Invalid VMBus version {first:d}.{second:d}"),
        KernelLogRule(.postFailed, "hv_post_msg() failed; error code:{first:d}"),
        KernelLogRule(.offersRequestFailed, "Unable to request offers - {first:d}"),
        KernelLogRule(.unloadWaiting, "Waiting for VMBus UNLOAD to complete"),
        KernelLogRule(.unloadUnanswered, "VMBus UNLOAD did not complete"),
        // Offers and drivers.
        KernelLogRule(.driverRegistered, ": registering driver {driver:w}"),
        KernelLogRule(.driverUnregistered, ": unregistering driver {driver:w}"),
        KernelLogRule(.unknownClass, "Unknown GUID: {class:g}"),
        KernelLogRule(.addFailed, "unable to add child device object (relid {first:d})"),
        KernelLogRule(.offerRefused, "Invalid offer relid={first:d}"),
        KernelLogRule(.offerRefused, "Invalid offer {first:d} from the host supporting isolation"),
        KernelLogRule(.probeFailed, "probe failed for device {device:w} ({first:d})"),
        KernelLogRule(.probeFailed, "probe with driver {driver:w} failed with error {first:d}"),
        KernelLogRule(.probeFailed, "unable to add netvsc device (ret {first:d})"),
        KernelLogRule(.channelOpenFailed, "unable to open channel: {first:d}"),
        // Channels and rings.
        KernelLogRule(.pageListFailed, "Failed to establish GPADL: err = {first:x}"),
        KernelLogRule(.closeFailed, "Close failed: close post msg return is {first:d}"),
        KernelLogRule(.closeFailed, "Close failed: teardown gpadl return {first:d}"),
        KernelLogRule(.ringCorrupt, "ring indices out of range: relid {first:d}"),
        KernelLogRule(.ringFull, "error -11"),
        KernelLogRule(.messageUnknown, "unknown msgtype={first:d}"),
        KernelLogRule(.messageUnknown, "message too short: msgtype={first:d} len={second:d}"),
        KernelLogRule(.messageUnknown, "payload size is too large ({second:d})"),
        KernelLogRule(.messageUnknown, "Unhandled message: type: {first:d}"),
        KernelLogRule(.messageUnknown, "unhandled rndis message (type {first:d} len {second:d})"),
        KernelLogRule(.hibernationTrouble, "Some vmbus device is missing after suspending"),
        KernelLogRule(.hibernationTrouble, "Can not suspend due to a previous failed resuming"),
        KernelLogRule(.hibernationTrouble, "Sub-channel not deleted!"),
        KernelLogRule(.hibernationTrouble, "hv_sock channel not rescinded!"),
        KernelLogRule(.hibernationTrouble, "PM: dpm_run_callback(): {what:w} [hv_vmbus] returns {first:d}"),
        KernelLogRule(.hibernationTrouble, "PM: failed to {what:w} noirq: error {first:d}"),
        KernelLogRule(.hibernationTrouble, "should not be sleeping"),
        // Services.
        KernelLogRule(.serviceVersion, " IC version {first:d}.{second:d}"),
        KernelLogRule(.deviceVersion, "Synthvid Version major {first:d}, minor {second:d}"),
        KernelLogRule(.deviceVersion, "PCI VMBus probing: Using version {packed:x}"),
        KernelLogRule(.balloonVersion, "Dynamic Memory protocol version {first:d}.{second:d}"),
        KernelLogRule(.memoryLimit, "Max. dynamic memory size: {first:d} MB"),
        KernelLogRule(.balloonLimited, "Balloon request will be partially fulfilled. ({first:d} {second:d}"),
        KernelLogRule(.hotAddFailed, "hot_add memory failed error is {first:d}"),
        KernelLogRule(.hotAddFailed, "Memory hot add failed"),
        KernelLogRule(.daemonTrouble, "timeout waiting for daemon"),
        KernelLogRule(.daemonTrouble, "daemon failed"),
        // Storage, network, PCI.
        KernelLogRule(.storageError, " status: scsi {first:x} srb {second:x} hv "),
        KernelLogRule(.dataPathSwitched, "Data path switched to VF: {comes:w}"),
        KernelLogRule(.dataPathSwitched, "Data path switched from VF: {goes:w}"),
        KernelLogRule(.virtualFunctionChanged, " VF registering: {comes:w}"),
        KernelLogRule(.virtualFunctionChanged, " VF unregistering: {goes:w}"),
        KernelLogRule(.virtualFunctionLink, " VF up: {comes:w}"),
        KernelLogRule(.virtualFunctionLink, " VF down: {goes:w}"),
        KernelLogRule(.virtualFunctionSlot, " VF slot {comes:d} added"),
        KernelLogRule(.virtualFunctionSlot, " VF slot {goes:d} removed"),
        KernelLogRule(.networkError, "nvsp_rndis_pkt_complete error status: {first:d}"),
        KernelLogRule(.deviceEjected, "the device is being ejected"),
        KernelLogRule(.deviceEjected, "The device is gone"),
        // What any part of the kernel may say.
        KernelLogRule(.taskBlocked, "blocked for more than {first:d} seconds"),
        KernelLogRule(.requestTimedOut, "Time out "),
        KernelLogRule(.requestTimedOut, "timed out"),
        KernelLogRule(.requestTimedOut, "timeout"),
        KernelLogRule(.operationFailed, "failed; {first:d}"),
        KernelLogRule(.operationFailed, "failed: {first:d}"),
        KernelLogRule(.operationFailed, "failed, status {first:d}"),
        KernelLogRule(.operationFailed, "failed with error {first:d}"),
        KernelLogRule(.operationFailed, "error {first:d}"),
        KernelLogRule(.operationFailed, "ret={first:d}"),
        KernelLogRule(.operationFailed, "failed"),
        KernelLogRule(.operationFailed, "Unable to "),
        KernelLogRule(.operationFailed, "Cannot "),
        KernelLogRule(.operationFailed, "can't "),
        KernelLogRule(.operationFailed, "can not "),
    ]
}
