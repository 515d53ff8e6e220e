import BusModel
import Glibc
import LinuxGuest
import Testing

@Suite struct Listing {
    @Test func `prints what lsvmbus prints at each level of detail`() {
        let files = SampleGuest.files()
        SampleGuest.addDevice(
            to: files, name: "c4e5e7d1-d748-4afc-979d-683167910a55",
            classID: "c376c1c3-d276-48d2-90a9-c04748072c60", relids: [3])
        let scan = SampleGuest.scan(files)
        #expect(
            LsvmbusListing.text(scan, detail: .brief) == """
                VMBUS ID  3: Unknown
                VMBUS ID 14: Synthetic network adapter

                """)
        #expect(
            LsvmbusListing.text(scan, detail: .channels) == """
                VMBUS ID  3: Class_ID = {c376c1c3-d276-48d2-90a9-c04748072c60} - Unknown
                \tRel_ID=3, target_cpu=3

                VMBUS ID 14: Class_ID = {f8615163-df3e-46c5-913f-f2d2f965ed0e} - Synthetic network adapter
                \tRel_ID=14, target_cpu=2
                \tRel_ID=21, target_cpu=1


                """)
        #expect(
            LsvmbusListing.text(scan, detail: .full).hasPrefix(
                """
                VMBUS ID  3: Class_ID = {c376c1c3-d276-48d2-90a9-c04748072c60} - Unknown
                \tDevice_ID = {c4e5e7d1-d748-4afc-979d-683167910a55}
                \tSysfs path: /sys/bus/vmbus/devices/c4e5e7d1-d748-4afc-979d-683167910a55
                \tRel_ID=3, target_cpu=3


                """))
    }

    @Test func `lists what lsvmbus would die of`() {
        let files = SampleGuest.files()
        for name in ["id", "class_id", "device_id", "channel_vp_mapping"] {
            files.put(SampleGuest.device + "/" + name, .failure(ENODEV))
        }
        files.put(SampleGuest.device + "/channels/21/cpu", .failure(EIO))
        SampleGuest.addDevice(to: files, name: "a\u{1B}[31m", relids: [7])
        files.put(SampleGuest.bus + "a\u{1B}[31m/id", "-1")
        let text = LsvmbusListing.text(SampleGuest.scan(files), detail: .full)
        #expect(
            text == """
                VMBUS ID -1: Class_ID = {f8615163-df3e-46c5-913f-f2d2f965ed0e} - Synthetic network adapter
                \tDevice_ID = ?
                \tSysfs path: /sys/bus/vmbus/devices/a\u{FFFD}[31m
                \tRel_ID=7, target_cpu=3

                VMBUS ID  ?: Class_ID = ? - ?
                \tDevice_ID = ?
                \tSysfs path: /sys/bus/vmbus/devices/\(SampleGuest.instance)
                \tRel_ID=14, target_cpu=2
                \tRel_ID=21, target_cpu=?


                """)
    }

    @Test func `writes JSON in the agreed order`() {
        let files = SampleGuest.files()
        files.put("/sys/class/net/eth0", .link("../../devices/" + SampleGuest.instance + "/net/eth0"))
        files.put(SampleGuest.device + "/channels/21/in_mask", .failure(EINVAL))
        files.remove(SampleGuest.device + "/channels/21/monitor_id")
        files.remove(SampleGuest.device + "/channels/21/latency")
        files.remove(SampleGuest.device + "/channels/21/pending")
        let document = ListingJSON.document(SampleGuest.scan(files), source: .live)
        #expect(
            String(decoding: document, as: UTF8.self) == #"{"schema":"vmbusscope.ls/1","source":"live","#
                + #""bus":{"available":true},"devices":[{"name":"309d6b79-965e-4a32-9ae4-45508201e2bd","#
                + #""instance_id":"309d6b79-965e-4a32-9ae4-45508201e2bd","#
                + #""class_id":"f8615163-df3e-46c5-913f-f2d2f965ed0e","class":"network","#
                + #""class_name":"Synthetic network adapter","relid":14,"state":3,"opened":true,"#
                + #""driver":"hv_netvsc","numa_node":0,"#
                + #""kernel":{"net":["eth0"],"scsi_host":null,"block":[],"pci":[]},"#
                + #""channels":[{"relid":14,"subchannel_id":0,"cpu":2,"opened":true,"#
                + #""in":{"size_bytes":8192,"size_source":"measured","used_bytes":128,"masked":false},"#
                + #""out":{"size_bytes":8192,"size_source":"measured","used_bytes":128,"masked":true},"#
                + #""interrupts":114,"events":214,"intr_in_full":1,"intr_out_empty":2,"out_full_first":3,"#
                + #""out_full_total":4,"monitor_id":14,"latency_100ns":500,"group_pending":0,"pending":false},"#
                + #"{"relid":21,"subchannel_id":1,"cpu":1,"opened":false,"#
                + #""in":{"size_bytes":null,"size_source":null,"used_bytes":null,"masked":null},"#
                + #""out":{"size_bytes":null,"size_source":null,"used_bytes":null,"masked":null},"#
                + #""interrupts":121,"events":221,"intr_in_full":1,"intr_out_empty":2,"out_full_first":3,"#
                + #""out_full_total":4,"monitor_id":null,"latency_100ns":null,"group_pending":null,"#
                + #""pending":null}],"problems":[{"path":"channels/21/in_mask","error":"EINVAL"}]}],"problems":[]}"#
                + "\n")
    }

    @Test func `writes nulls, unknown channels and the absence of a bus`() {
        #expect(
            String(decoding: ListingJSON.document(SampleGuest.scan(InjectedFiles()), source: .tree), as: UTF8.self)
                == #"{"schema":"vmbusscope.ls/1","source":"tree","bus":{"available":false},"devices":[],"problems":[]}"#
                + "\n")
        let files = InjectedFiles()
        files.put(SampleGuest.bus + "vmbus_1/state", "2")
        let text = String(decoding: ListingJSON.document(SampleGuest.scan(files), source: .tree), as: UTF8.self)
        #expect(
            text.contains(
                #"{"name":"vmbus_1","instance_id":null,"class_id":null,"class":"unknown","class_name":null,"#
                    + #""relid":null,"state":2,"opened":false,"driver":null,"numa_node":null,"#))
        #expect(text.contains(#""channels":null,"#))
        #expect(text.contains(#"{"path":"id","error":"ENOENT"}"#))
    }
}
