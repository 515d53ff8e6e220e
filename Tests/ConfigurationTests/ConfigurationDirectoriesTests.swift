import Configuration
import Testing

struct ConfigurationDirectoriesTests {
    @Test func `follow the XDG rules`() {
        let plain = ConfigurationDirectories(environment: ["HOME": "/home/ada"])
        #expect(plain.userConfiguration == "/home/ada/.config/vmbusscope")
        #expect(plain.configuration == ["/home/ada/.config/vmbusscope", "/etc/xdg/vmbusscope"])
        #expect(
            plain.data == [
                "/home/ada/.local/share/vmbusscope", "/usr/local/share/vmbusscope", "/usr/share/vmbusscope",
            ])
        let set = ConfigurationDirectories(environment: [
            "HOME": "/home/ada", "XDG_CONFIG_HOME": "/c/", "XDG_CONFIG_DIRS": "/x:relative:/y", "XDG_DATA_HOME": "rel",
            "XDG_DATA_DIRS": "",
        ])
        #expect(set.configuration == ["/c/vmbusscope", "/x/vmbusscope", "/y/vmbusscope"])
        #expect(set.data.first == "/home/ada/.local/share/vmbusscope")
        #expect(ConfigurationDirectories(environment: [:]).userConfiguration == nil)
    }
}
