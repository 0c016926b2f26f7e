/** Whether a media type is one of `patterns`, where `*` stands for any type or subtype. */
export function isOneOf(mediaType: string, patterns: readonly string[]): boolean {
  const [type, subtype] = mediaType.split('/');
  return patterns.some((pattern) => {
    const [wantedType, wantedSubtype] = pattern.split('/');
    return (wantedType === '*' || wantedType === type) && (wantedSubtype === '*' || wantedSubtype === subtype);
  });
}

/** The first media type that a client accepts; API Gateway looks at no other. */
export function firstAccepted(accept: string | undefined): string {
  const first = accept?.split(',')[0]?.split(';')[0]?.trim().toLowerCase();
  return first === undefined || first === '' ? 'application/json' : first;
}
