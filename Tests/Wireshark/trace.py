"""trace.py FILE: reads an exported trace with Perfetto's own classes, and counts what is in it."""

import collections
import sys

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

trace = Trace()
trace.ParseFromString(open(sys.argv[1], "rb").read())
tracks, counts, begun, ended, depth = {}, collections.Counter(), set(), set(), collections.Counter()
last = 0
for packet in trace.packet:
    if packet.HasField("track_descriptor"):
        descriptor = packet.track_descriptor
        assert descriptor.uuid and descriptor.uuid not in tracks
        assert not descriptor.parent_uuid or descriptor.parent_uuid in tracks
        tracks[descriptor.uuid] = descriptor
        continue
    event = packet.track_event
    assert event.track_uuid in tracks and packet.timestamp >= last
    last = packet.timestamp
    counts[TrackEvent.Type.Name(event.type)] += 1
    begun.update(event.flow_ids)
    ended.update(event.terminating_flow_ids)
    if event.type == TrackEvent.TYPE_SLICE_BEGIN:
        depth[event.track_uuid] += 1
        assert depth[event.track_uuid] == 1, "slices of one lane overlap"
    if event.type == TrackEvent.TYPE_SLICE_END:
        depth[event.track_uuid] -= 1
        assert depth[event.track_uuid] == 0
assert 0 not in begun and ended <= begun and len(ended) > 100
assert counts["TYPE_COUNTER"] and counts["TYPE_INSTANT"]
print(f"  {len(trace.packet)} trace packets, {len(tracks)} tracks, {len(ended)} flows, {dict(counts)}")
