"""compare.py NAME FILE: holds what vmbusscope said in a guest against what cat read there before and after."""
import json
import sys

NAMES = {  # as lsvmbus prints them
    '0e0b6031-5213-4934-818b-38d90ced39db': '[Operating system shutdown]',
    '57164f39-9115-4e78-ab55-382f3bd5422d': '[Heartbeat]',
    '9527e630-d0ae-497b-adce-e80ab0175caf': '[Time Synchronization]',
    'a9a0f4e7-5a45-4d96-b827-8a841e8c03e6': '[Data Exchange]',
    '35fa2e29-ea23-4236-96ae-3a6ebacba440': '[Backup (volume checkpoint)]',
    '525074dc-8985-46e2-8057-a307dc18a502': '[Dynamic Memory]',
    'f912ad6d-2b17-48ea-bd65-f927a61c7684': 'Synthetic keyboard',
    'ba6163d9-04a1-4d29-b605-72e2ffb1dc7f': 'Synthetic SCSI Controller',
}
METRICS = {  # counters by the file that they come from
    'interrupts': 'interrupts', 'events': 'hypercall_signals', 'intr_in_full': 'signals_in_full',
    'intr_out_empty': 'signals_out_empty', 'out_full_first': 'write_full_episodes', 'out_full_total': 'write_full',
}
COUNTERS = ('interrupts', 'events', 'intr_in_full', 'intr_out_empty', 'out_full_first', 'out_full_total')
checked, wrong = 0, []


def check(what, said, *accepted):
    global checked
    checked += 1
    if said not in accepted:
        wrong.append(f'{what}: vmbusscope says {said!r}, sysfs {" or ".join(map(repr, accepted))}')


def within(what, said, before, after):
    global checked
    checked += 1
    if said is None or not int(before) <= said <= int(after):
        wrong.append(f'{what}: vmbusscope says {said!r}, sysfs {before} before and {after} after')


def parts(path):
    found, name = {}, None
    for line in open(path, encoding='utf-8', errors='replace').read().replace('\r', '').split('\n'):
        if line.startswith('=== '):
            name = line[4:]
            found[name] = []
        elif name:
            found[name].append(line)
    return {name: '\n'.join(lines) for name, lines in found.items()}


def said(part, status=0):
    """The part's output; its last line holds the status."""
    text, _, tail = part.rstrip('\n').rpartition('status ')
    check('status', int(tail or -1), status)
    return text


def sysfs(part):
    tree = {}
    for line in part.split('\n'):
        fields = line.split('|')
        if len(fields) == 3:
            tree.setdefault(fields[0], {})[fields[1]] = fields[2].strip()
    return tree


def number(value):
    return None if value in (None, '!') else int(value)


def compare_metrics(text, devices, before, after):
    """What metrics says of each channel, and that it says nothing of what cannot be read."""
    samples = dict(line.rsplit(' ', 1) for line in text.split('\n') if line and not line.startswith('#'))
    check('metrics: ends whole', text.endswith('# EOF\n'), True)
    check('metrics: available', samples.get('vmbus_available'), '1')
    count = 0
    for device in devices:
        files, later = before[device['name']], after[device['name']]
        own = f'device="{device["instance_id"]}"'
        check(f'metrics: {own} opened', samples.get(f'vmbus_device_opened{{{own}}}'), str(int(files['state'] == '3')))
        for channel in device['channels']:
            count += 1
            place, labels = f'channels/{channel["relid"]}/', f'{own},channel="{channel["subchannel_id"]}"'
            for file, metric in METRICS.items():
                value = samples.get(f'vmbus_channel_{metric}_total{{{labels}}}')
                within(f'metrics: {labels} {metric}', value and int(value), files[place + file], later[place + file])
            for direction in ('in', 'out'):
                value = samples.get(f'vmbus_channel_ring_capacity_bytes{{{labels},direction="{direction}"}}')
                check(f'metrics: {labels} {direction} size', value and int(value), channel[direction]['size_bytes'])
    check('metrics: channels', sum(key.startswith('vmbus_channel_interrupts_total') for key in samples), count)


def main(name, path):
    found = parts(path)
    if 'no bus' in found:
        document = json.loads(said(found['no bus'], 3).split('\n')[0])
        check('bus without module', document['bus']['available'], False)
    for part in ('before', 'ls --json', 'ls -vv', 'watch --json', 'show channels', 'metrics', 'extcap', 'bare', 'after'):
        if part not in found:
            sys.exit(f'{name}: the guest never came to "{part}"')
    before, after = sysfs(found['before']), sysfs(found['after'])
    check('devices before and after', sorted(before), sorted(after))
    document = json.loads(said(found['ls --json']))
    check('source', document['source'], 'live')
    devices = document['devices']
    check('devices', sorted(device['name'] for device in devices), sorted(before))
    captured = said(found['extcap'])
    for device in devices:
        check(f'{device["name"]} in what Wireshark captures', device['instance_id'] in captured, True)
    listing, opened = [], 0
    for device in devices:
        directory = device['name']
        files, later = before.get(directory, {}), after.get(directory, {})

        def bare(file):
            return files.get(file, '').strip('{}')

        def either(what, value, file, convert=number):
            check(f'{directory} {what}', value, convert(files.get(file)), convert(later.get(file)))

        check(f'{directory} class', device['class_id'], bare('class_id'))
        check(f'{directory} instance', device['instance_id'], bare('device_id'))
        check(f'{directory} class name', device['class_name'], NAMES.get(bare('class_id'), 'Unknown'))
        either('relid', device['relid'], 'id')
        either('state', device['state'], 'state')
        check(f'{directory} opened', device['opened'], files.get('state') == '3')
        check(f'{directory} driver', device['driver'], files.get('driver'))
        node = number(files.get('numa_node'))
        check(f'{directory} node', device['numa_node'], None if node is not None and node < 0 else node)
        opened += device['opened']
        relids = sorted(int(file.split('/')[1]) for file in files if file.endswith('/cpu'))
        check(f'{directory} channels', sorted(channel['relid'] for channel in device['channels']), relids)
        for channel in device['channels']:
            place = f'channels/{channel["relid"]}/'
            label = f'{directory} {channel["relid"]}'
            either(f'{label} cpu', channel['cpu'], place + 'cpu')
            either(f'{label} subchannel', channel['subchannel_id'], place + 'subchannel_id')
            either(f'{label} monitor', channel['monitor_id'], place + 'monitor_id')
            either(f'{label} latency', channel['latency_100ns'], place + 'latency')
            for counter in COUNTERS:
                within(f'{label} {counter}', channel[counter], files[place + counter], later[place + counter])
            for ring, mask, used, free in (
                ('in', 'in_mask', 'in_read_bytes_avail', 'in_write_bytes_avail'),
                ('out', 'out_mask', 'out_read_bytes_avail', 'out_write_bytes_avail'),
            ):
                sizes = [
                    None if number(tree.get(used)) is None else number(tree[used]) + number(tree[free])
                    for tree in (files, later)
                ]
                check(f'{label} {ring} size', channel[ring]['size_bytes'], *sizes)
                masks = [tree.get(place + mask) for tree in (files, later)]
                check(f'{label} {ring} mask', channel[ring]['masked'], *(None if m in (None, '!') else m != '0' for m in masks))
        listing.append((device, files))
    text = ''
    for device, files in listing:
        relid = files['id']
        title = NAMES.get(files['class_id'].strip('{}'), 'Unknown')
        text += f'VMBUS ID {relid:>2}: Class_ID = {files["class_id"]} - {title}\n\tDevice_ID = {files["device_id"]}\n'
        text += f'\tSysfs path: /sys/bus/vmbus/devices/{device["name"]}\n'
        for entry in sorted(files['channel_vp_mapping'].split(), key=lambda entry: int(entry.split(':')[0])):
            text += '\tRel_ID={}, target_cpu={}\n'.format(*entry.split(':'))
        text += '\n'
    check('ls -vv', said(found['ls -vv']), text)
    count = sum(len(device['channels']) for device in devices)
    lines = [json.loads(line) for line in said(found['watch --json']).split('\n') if line]
    check('watch: lines', len(lines), 2 * count)
    check('watch: schema', {line['schema'] for line in lines}, {'vmbusscope.watch/1'})
    check('watch: rates in the second sample', [line['interrupts_per_second'] is None for line in lines[count:]], [False] * count)
    rows = said(found['show channels']).strip().split('\n')
    check('show channels: enough rows', len(rows) > count, True)
    compare_metrics(said(found['metrics']), devices, before, after)
    check('bare: says that it is live', said(found['bare']).startswith('LIVE'), True)
    if 'until rescinded' in found:
        lines = [json.loads(line) for line in said(found['until rescinded']).split('\n') if line]
        first = {line['device'] for line in lines if line['sample'] == 1}
        last = {line['device'] for line in lines if line['sample'] == 40}
        check('rescinded while watched', len(first - last), 1)
    for line in wrong:
        print(f'  {name}: {line}')
    print(f'  {name}: {len(devices)} devices, {opened} open, {count} channels; {checked} values compared, {len(wrong)} differ')
    for device in devices:
        print(f'    relid {device["relid"]:>2} {device["class_name"]}: state {device["state"]}, driver {device["driver"]}')
    if not devices:
        sys.exit(f'{name}: no device was found in the guest')
    sys.exit(1 if wrong else 0)


main(*sys.argv[1:])
