extension DeviceClass {
    /// The name of an instance that is the same on every guest, as "Heartbeat" or "IDE disk 1"; nil for all others.
    ///
    /// Only for people to read: what a device is follows from its class, never from its instance (reference §5).
    public static func instanceName(_ instance: GUID) -> String? {
        if let known = knownInstances.first(where: { $0.instance == instance }) { return known.name }
        let number = UInt16(truncatingIfNeeded: instance.low >> 32)
        return instance == GUID(0, number, 0x8899, 0) ? "IDE disk \(number)" : nil
    }

    /// The PCI domain that a pass-through device's instance asks for: the second printed group.
    public static func pciDomain(ofInstance instance: GUID) -> UInt16 {
        UInt16(truncatingIfNeeded: instance.low >> 32)
    }

    private static let knownInstances: [(instance: GUID, name: String)] = [
        (GUID(0x1ECC_FD72, 0x4B41, 0x45EF, 0xB73A_4A6E_44C1_2924), "Dynamic memory"),
        (GUID(0x58F7_5A6D, 0xD949, 0x4320, 0x99E1_A2A2_576D_581C), "Mouse"),
        (GUID(0xD34B_2567, 0xB9B6, 0x42B9, 0x8778_0A4E_C0B9_55BF), "Keyboard"),
        (GUID(0x5620_E0C7, 0x8062, 0x4DCE, 0xAEB7_520C_7EF7_6171), "Video"),
        (GUID(0xFD14_9E91, 0x82E0, 0x4A7D, 0xAFA6_2A41_66CB_D7C0), "Heartbeat"),
        (GUID(0x242F_F919, 0x07DB, 0x4180, 0x9C2E_B86C_B68C_8C55), "Data exchange"),
        (GUID(0xB665_0FF7, 0x33BC, 0x4840, 0x8048_E067_6786_F393), "Shutdown"),
        (GUID(0x2DD1_CE17, 0x079E, 0x403C, 0xB352_A192_1EE2_07EE), "Time synchronisation"),
        (GUID(0x2450_EE40, 0x33BF, 0x4FBD, 0x892E_9FB0_6E92_14CF), "Backup"),
        (GUID(0xEB76_5408, 0x105F, 0x49B6, 0xB4AA_C123_B64D_17D4), "File copy"),
        (GUID(0x4487_B255, 0xB88C, 0x403F, 0xBB51_D1F6_9CF1_7F87), "Virtual machine activation"),
        (GUID(0xF8B3_781A, 0x1E82, 0x4818, 0xA1C3_63D8_06EC_15BB), "Azure SCSI controller 0"),
        (GUID(0xF8B3_781B, 0x1E82, 0x4818, 0xA1C3_63D8_06EC_15BB), "Azure SCSI controller 1"),
        (GUID(0xFD1D_2CBD, 0xCE7C, 0x535C, 0x966B_EB5F_811C_95F0), "WSL2 SCSI controller"),
        (GUID(0xC4E5_E7D1, 0xD748, 0x4AFC, 0x979D_6831_6791_0A55), "Initial machine configuration"),
        (GUID(0xC63C_9BDF, 0x5FA5, 0x4208, 0xB03F_6B45_8B36_5592), "Boot file server"),
        (GUID(0x700D_F40E, 0xB947, 0x4776, 0xB839_D1B0_A35A_F034), "COM1"),
        (GUID(0x7E55_F4B8, 0xAF84, 0x4E98, 0x9F1A_8E8D_0BDE_3744), "COM2"),
        (GUID(0x3F15_8FA1, 0xB0AA, 0x45E9, 0xBA54_9FC7_3F6C_59EC), "COM3"),
        (GUID(0x8688_A06F, 0x9B53, 0x48CE, 0xB408_7581_6262_28C5), "COM4"),
        (GUID(0xD3E4_454D, 0x62AF, 0x44EC, 0xB851_3170_915E_5F56), "Guest emulation transport"),
    ]
}
