// The first file of LinuxGuest comes with its first type.
