#if Mutations
    import Configuration
    import VMBusWire

    extension ConfigurationTable {
        /// A planted bug by its name.
        func mutationIfPresent(_ key: String) throws(ConfigurationError) -> Mutation? {
            guard let text = try stringIfPresent(key) else { return nil }
            guard let mutation = Mutation(rawValue: text) else {
                throw unacceptable(key, value: text, expected: "the name of a mutation such as offers-before-request")
            }
            return mutation
        }
    }
#endif
