// The first file of VMBusDevices comes with its first type.
