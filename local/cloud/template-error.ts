export interface TemplateLocation {
  logicalId: string;
  type: string;
  property?: string;
}

/** Something in the template that this cloud cannot honour. It always says where: logical id, type and property. */
export class TemplateError extends Error {
  readonly location: TemplateLocation;

  constructor(location: TemplateLocation, reason: string) {
    const property = location.property ? `, property ${location.property}` : '';
    super(`${location.logicalId} (${location.type})${property}: ${reason}`);
    this.name = 'TemplateError';
    this.location = location;
  }

  /** This one with others that were found along with it, a line each. */
  with(others: readonly TemplateError[]): TemplateError {
    const all = new TemplateError(this.location, '');
    all.message = [this, ...others].map(({ message }) => message).join('\n');
    return all;
  }
}
