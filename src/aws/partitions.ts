/** The suffixes of a partition's host names. */
export interface Partition {
  readonly dnsSuffix: string;
  /** Suffix of the endpoints that have IPv6 addresses, too. */
  readonly dualStackDnsSuffix: string;
}

/**
 * AWS's partitions by their ids, from `botocore/data/partitions.json` of botocore 1.44.8. Each offers FIPS and
 * dual-stack endpoints.
 */
export const partitions = {
  aws: { dnsSuffix: 'amazonaws.com', dualStackDnsSuffix: 'api.aws' },
  'aws-cn': { dnsSuffix: 'amazonaws.com.cn', dualStackDnsSuffix: 'api.amazonwebservices.com.cn' },
  'aws-eusc': { dnsSuffix: 'amazonaws.eu', dualStackDnsSuffix: 'api.amazonwebservices.eu' },
  'aws-iso': { dnsSuffix: 'c2s.ic.gov', dualStackDnsSuffix: 'api.aws.ic.gov' },
  'aws-iso-b': { dnsSuffix: 'sc2s.sgov.gov', dualStackDnsSuffix: 'api.aws.scloud' },
  'aws-iso-e': { dnsSuffix: 'cloud.adc-e.uk', dualStackDnsSuffix: 'api.cloud-aws.adc-e.uk' },
  'aws-iso-f': { dnsSuffix: 'csp.hci.ic.gov', dualStackDnsSuffix: 'api.aws.hci.ic.gov' },
  'aws-us-gov': { dnsSuffix: 'amazonaws.com', dualStackDnsSuffix: 'api.aws' },
} as const satisfies Readonly<Record<string, Partition>>;

export type PartitionId = keyof typeof partitions;
